//! What a person says about lines that do not tell it themselves.

use std::sync::Arc;

use super::Moment;

/// The host, time and program of lines without, and the names of the fields of JSON lines.
#[derive(Debug, Default)]
pub struct Said {
    /// The host of lines that name none. None: they have none.
    pub host: Option<Arc<str>>,
    /// The time of lines without a header. None: they cannot be read.
    pub at: Option<Moment>,
    /// The program of lines without a header, which are then bare text. None: they begin with `program[pid]: `.
    pub program: Option<Arc<str>>,
    /// The process id of these. None: they have none.
    pub pid: Option<u32>,
    /// The fields of JSON lines.
    pub json: JsonFields,
}

impl Said {
    /// Nothing was said.
    pub const NOTHING: &'static Self = &Self {
        host: None,
        at: None,
        program: None,
        pid: None,
        json: JsonFields {
            time: Vec::new(),
            host: Vec::new(),
            program: Vec::new(),
            pid: Vec::new(),
            message: Vec::new(),
        },
    };
}

/// Names of the fields of JSON lines, the best first: they are looked for before the usual ones
/// ([`USUAL_JSON_FIELDS`]). `a.b` is the field `b` of the object `a`, or a field of that very name.
#[derive(Debug, Default)]
pub struct JsonFields {
    /// When it was said: RFC 3339, RFC 3164, or a number since 1970 of seconds, milli-, micro- or nanoseconds.
    pub time: Vec<String>,
    /// The host.
    pub host: Vec<String>,
    /// The program, with or without `[pid]:`.
    pub program: Vec<String>,
    /// The process id.
    pub pid: Vec<String>,
    /// The message, or a whole syslog line: then its own header is believed.
    pub message: Vec<String>,
}

/// The names that are looked for in any case: those of journald, Filebeat, Logstash, Docker, rsyslog, syslog-ng, Fluentd
/// and GELF, as (time, host, program, pid, message).
pub const USUAL_JSON_FIELDS: [&[&str]; 5] = [
    &[
        // What the program's own clock said; rsyslog's imjournal takes it, too.
        "_SOURCE_REALTIME_TIMESTAMP",
        "__REALTIME_TIMESTAMP",
        "@timestamp",
        "timereported",
        "timestamp",
        "time",
        "DATE",
        "date",
        "ts",
    ],
    &[
        "_HOSTNAME",
        "log.syslog.hostname",
        "syslog_hostname",
        "logsource",
        "host.hostname",
        "host.name",
        "hostname",
        "host",
        "HOST",
    ],
    &[
        "SYSLOG_IDENTIFIER",
        "log.syslog.appname",
        "syslogtag",
        "process.name",
        "program",
        "PROGRAM",
        "programname",
        "syslog_program",
        "application_name",
        "_application_name",
        "app-name",
        "appname",
        "ident",
        "_COMM",
    ],
    &[
        "SYSLOG_PID",
        "_PID",
        "log.syslog.procid",
        "process.pid",
        "pid",
        "PID",
        "procid",
        "syslog_pid",
        "process_id",
        "_process_id",
    ],
    &[
        "MESSAGE",
        "message",
        "msg",
        "log",
        "full_message",
        "short_message",
        "event.original",
    ],
];

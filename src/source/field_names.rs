//! What the fields of stored messages are called.

/// Which fields of a message tell what. Of several names the first counts that the message has; a dotted name is a
/// field of an object or a field with dots in its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldNames {
    /// The text, or the whole line where it was taken from a file.
    pub message: Vec<String>,
    /// The whole line as it was received, `<22>Nov 24 ...`, where it is kept.
    pub full: Vec<String>,
    /// The host.
    pub host: Vec<String>,
    /// The syslog tag without pid.
    pub program: Vec<String>,
    /// The process id.
    pub pid: Vec<String>,
}

impl FieldNames {
    /// Of Graylog's syslog inputs; of GELF with the names that shippers commonly give (`program`, `pid`).
    pub fn graylog() -> Self {
        Self {
            message: names(&["message"]),
            full: names(&["full_message"]),
            host: names(&["source"]),
            program: names(&["application_name", "program", "tag", "process_name"]),
            pid: names(&["process_id", "pid"]),
        }
    }

    /// Of the Elastic Common Schema: Filebeat, Elastic Agent.
    pub fn ecs() -> Self {
        Self {
            message: names(&["message"]),
            full: names(&["event.original", "log.original"]),
            host: names(&["host.hostname", "log.syslog.hostname", "host.name", "agent.hostname"]),
            program: names(&["process.name", "log.syslog.appname"]),
            pid: names(&["process.pid", "log.syslog.procid"]),
        }
    }

    /// Of Logstash's syslog input and the usual grok patterns.
    pub fn logstash() -> Self {
        Self {
            message: names(&["syslog_message", "message"]),
            full: names(&["event.original"]),
            host: names(&["syslog_hostname", "logsource", "host.hostname", "host.name", "host"]),
            program: names(&["syslog_program", "program", "process.name"]),
            pid: names(&["syslog_pid", "pid", "process.pid"]),
        }
    }

    /// All of them, each once.
    pub(super) fn all(&self) -> Vec<&str> {
        let mut all: Vec<&str> = Vec::new();
        for name in [&self.message, &self.full, &self.host, &self.program, &self.pid]
            .into_iter()
            .flatten()
        {
            if !all.contains(&name.as_str()) {
                all.push(name);
            }
        }
        all
    }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

//! Is a relay this very host, or a filter that hands the message back?

use std::net::IpAddr;

use crate::event::{Event, Field};

/// What the configuration says about filters.
#[derive(Debug, Clone, Default)]
pub struct Locality {
    /// Relays that are content filters beside those on the loopback: a host name, an address, a pipe's name.
    pub filters: Vec<String>,
}

impl Locality {
    /// Does the client that handed a message in sit on this host, or is it a named filter?
    pub fn is_local_client(&self, queued: &Event) -> bool {
        let names = [queued.text(Field::ClientIp), queued.text(Field::ClientHost)];
        is_loopback(names[0].as_deref()) || self.names_a_filter(&names)
    }

    fn names_a_filter(&self, names: &[Option<std::borrow::Cow<'_, str>>]) -> bool {
        names
            .iter()
            .flatten()
            .any(|name| self.filters.iter().any(|filter| filter.eq_ignore_ascii_case(name)))
    }

    /// Does this delivery go to the host itself or to a named filter?
    ///
    /// Never decided by the reply's text: outside servers answer `from MTA(smtp:[127.0.0.1]:10025)` as well.
    /// A short host name proves nothing either (every site has a `mail`), so names must be equal as a whole.
    pub fn is_local(&self, delivery: &Event) -> bool {
        let host = delivery.text(Field::RelayHost);
        let ip = delivery.text(Field::RelayIp);
        let own = host.as_deref().is_some_and(|host| {
            let host = host.trim_end_matches('.');
            host.contains('.') && host.eq_ignore_ascii_case(&delivery.line.host)
        });
        is_loopback(ip.as_deref()) || own || self.names_a_filter(&[host, ip, delivery.text(Field::Relay)])
    }
}

fn is_loopback(ip: Option<&str>) -> bool {
    // No other text is worth reading as an address: 127.0.0.1, ::1, 0:0:0:0:0:0:0:1.
    let ip = ip.map(|ip| ip.trim_start_matches("IPv6:"));
    ip.filter(|ip| ip.starts_with("127.") || ip.starts_with([':', '0']))
        .and_then(|ip| ip.parse::<IpAddr>().ok())
        .is_some_and(|ip| ip.is_loopback())
}

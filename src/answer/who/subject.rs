//! What a person asks about, and where it stands in the documents.

use std::net::IpAddr;

use crate::query::{Glob, Piece, Query, QueryError, Test, named};
use crate::transaction::Recipient;

/// A subject, by its shape.
#[derive(Debug, Clone)]
pub(super) enum Subject {
    /// An address or a network, as the query language writes it.
    Ip(String),
    /// A mail address, which may be a login as well.
    Address(String),
    /// A domain, a host, or a login without a domain.
    Name(String),
}

impl Subject {
    pub(super) fn of(text: &str) -> Self {
        let text = text.trim().trim_start_matches('<').trim_end_matches('>');
        let bare = text.split('/').next().unwrap_or_default();
        if bare.parse::<IpAddr>().is_ok() {
            Self::Ip(text.to_owned())
        } else if text.contains('@') && !text.starts_with('@') {
            Self::Address(text.to_lowercase())
        } else {
            Self::Name(text.trim_start_matches('@').to_lowercase())
        }
    }

    /// Where it handed mail in, was refused, failed to log in, or is spoken of.
    pub(super) fn sending(&self) -> Result<Query, QueryError> {
        match self {
            // A network is no single value: the language reads it.
            Self::Ip(ip) if ip.contains('/') => format!("ip:{ip}").parse(),
            Self::Ip(ip) => Query::is("ip", ip),
            Self::Address(address) => any(&["from", "user"], address),
            Self::Name(name) => {
                let mut queries = vec![any(&["user", "client", "from_domain"], name)?];
                // A domain means its hosts and the logins in it as well.
                if name.contains('.') {
                    queries.extend(ending("client", &format!(".{name}")));
                    queries.extend(ending("user", &format!("@{name}")));
                }
                Ok(Query::any(queries))
            }
        }
    }

    /// Where mail was for it. None where nothing can be.
    pub(super) fn receiving(&self) -> Result<Option<Query>, QueryError> {
        match self {
            Self::Ip(_) => Ok(None),
            Self::Address(address) => any(&["to", "orig"], address).map(Some),
            Self::Name(name) => any(&["to_domain"], name).map(Some),
        }
    }

    /// Is this recipient meant?
    pub(super) fn is_recipient(&self, to: &Recipient) -> bool {
        match self {
            Self::Ip(_) => false,
            Self::Address(address) => {
                to.address.to_lowercase() == *address
                    || to.orig.as_ref().is_some_and(|orig| orig.to_lowercase() == *address)
            }
            Self::Name(name) => to.domain.as_deref().is_some_and(|domain| domain == name),
        }
    }

    /// Is this refused recipient meant?
    pub(super) fn is_refused(&self, to: &str) -> bool {
        match self {
            Self::Ip(_) => false,
            Self::Address(address) => to.to_lowercase() == *address,
            Self::Name(name) => to
                .rsplit_once('@')
                .is_some_and(|(_, domain)| domain.eq_ignore_ascii_case(name)),
        }
    }
}

fn any(fields: &[&str], value: &str) -> Result<Query, QueryError> {
    let queries = fields.iter().map(|field| Query::is(field, value));
    Ok(Query::any(queries.collect::<Result<Vec<_>, _>>()?))
}

/// A value of this field that ends so.
fn ending(field: &str, end: &str) -> Vec<Query> {
    let test = Test::Like(Glob::new([Piece::Any, Piece::Literal(end.to_owned())]));
    let places = named(field).unwrap_or_default().into_iter();
    places
        .map(|place| Query::Term {
            place,
            test: test.clone(),
        })
        .collect()
}

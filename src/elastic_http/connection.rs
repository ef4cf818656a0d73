//! The connections of a client: what it trusts, how long it waits, and through which proxy.

use std::time::Duration;

use reqwest::blocking::Client;
use reqwest::header::HeaderMap;

use super::Access;
use super::error::HttpError;
use super::identity::{certificates, setting};

/// A client that connects as `access` says, and sends these headers with every request. `secure`: some URL is https.
pub(crate) fn connection(access: &Access, headers: HeaderMap, secure: bool) -> Result<Client, HttpError> {
    // Fails only if a provider is there already, which is just as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder()
        .user_agent(concat!("mailtrail/", env!("CARGO_PKG_VERSION")))
        .default_headers(headers)
        // A redirect would carry the key to a stranger, and means a wrong URL anyway.
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(access.timeout.min(Duration::from_secs(20)))
        .timeout(access.timeout);
    let builder = certificates(builder, access, secure)?;
    let builder = match &access.proxy {
        Some(proxy) => builder.proxy(
            reqwest::Proxy::all(proxy)
                .map_err(|_| setting("the proxy's URL is bad", "for instance http://proxy.example:3128"))?,
        ),
        None => builder,
    };
    builder.build().map_err(|error| {
        let cause = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
        setting(
            &format!("cannot set up TLS: {cause}"),
            "check `ca` and `client_certificate`",
        )
    })
}

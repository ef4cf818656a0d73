//! Where the cluster is, who it must be, and who we are, as the HTTP library wants it.

use base64::Engine;
use reqwest::blocking::ClientBuilder;
use reqwest::header::HeaderValue;

use super::access::Access;
use super::error::{HttpError, Trouble};
use super::{Credentials, Secret};

/// A URL without slash at its end; user and password in it become the credentials.
pub(super) fn base(url: &str, credentials: &mut Credentials) -> Result<String, HttpError> {
    // The URL may hold a password: it is not repeated before that is known.
    let bad = |why: &str| {
        setting(
            &format!("a URL of the cluster is bad: {why}"),
            "for instance https://es.example:9200",
        )
    };
    let mut parsed = reqwest::Url::parse(url.trim()).map_err(|error| bad(&error.to_string()))?;
    if !matches!(parsed.scheme(), "http" | "https") || parsed.host_str().is_none() {
        return Err(bad("it must begin with http:// or https://"));
    }
    if !parsed.username().is_empty() {
        if *credentials == Credentials::Anonymous {
            *credentials = Credentials::Basic {
                user: decoded(parsed.username()),
                password: Secret::new(decoded(parsed.password().unwrap_or_default())),
            };
        }
        let cleared = parsed.set_username("").and_then(|()| parsed.set_password(None));
        cleared.map_err(|()| bad("its user cannot be read"))?;
    }
    parsed.set_query(None);
    parsed.set_fragment(None);
    Ok(parsed.as_str().trim_end_matches('/').to_owned())
}

/// `%40` is `@`; what is no such escape stays.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let escape = (byte == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        if let Some(code) = escape.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            out.push(code);
            at += 3;
        } else {
            out.push(byte);
            at += 1;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

pub(super) fn authorization(credentials: &Credentials) -> Result<Option<HeaderValue>, HttpError> {
    let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let text = match credentials {
        Credentials::Anonymous => return Ok(None),
        Credentials::Basic { user, password } => format!("Basic {}", encode(&format!("{user}:{}", password.expose()))),
        // `id:key` is what Elasticsearch shows beside the encoded form; a colon is in no base64.
        Credentials::ApiKey(key) if key.expose().contains(':') => format!("ApiKey {}", encode(key.expose())),
        Credentials::ApiKey(key) => format!("ApiKey {}", key.expose()),
        Credentials::Bearer(token) => format!("Bearer {}", token.expose()),
    };
    let mut value = HeaderValue::from_str(&text).map_err(|_| {
        setting(
            "the key or token has characters that no key has",
            "is it the right file?",
        )
    })?;
    value.set_sensitive(true);
    Ok(Some(value))
}

/// What is trusted, and what we show of ourselves. `secure`: some URL is https.
pub(super) fn certificates(builder: ClientBuilder, access: &Access, secure: bool) -> Result<ClientBuilder, HttpError> {
    let read = |what: &str, path: &std::path::Path| {
        std::fs::read(path).map_err(|error| {
            setting(
                &format!("cannot read `{what}` {}: {error}", path.display()),
                "give the path of a PEM file",
            )
        })
    };
    let no_pem = |what: &str, path: &std::path::Path, help: &str| {
        setting(&format!("`{what}` {} holds no usable PEM", path.display()), help)
    };
    let mut builder = builder;
    if !secure {
        // Without https nothing is checked, and a machine without any CA certificates must do.
        builder = builder.tls_certs_only(Vec::new());
    } else if let Some(path) = &access.ca {
        let help = "it should begin with -----BEGIN CERTIFICATE-----";
        let certificates = reqwest::Certificate::from_pem_bundle(&read("ca", path)?)
            .ok()
            .filter(|certificates| !certificates.is_empty())
            .ok_or_else(|| no_pem("ca", path, help))?;
        builder = builder.tls_certs_only(certificates);
    }
    if let Some(path) = &access.client_certificate {
        let help = "it should hold the certificate, its chain and its private key";
        let identity = reqwest::Identity::from_pem(&read("client_certificate", path)?)
            .map_err(|_| no_pem("client_certificate", path, help))?;
        builder = builder.identity(identity);
    }
    if access.insecure {
        builder = builder.tls_danger_accept_invalid_certs(true);
    }
    Ok(builder)
}

/// An error of the configuration.
pub(super) fn setting(text: &str, help: &str) -> HttpError {
    HttpError::new(Trouble::Setting, text, help)
}

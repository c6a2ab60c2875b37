//! Where the service is, and the proxy on the way to it.

use std::fmt;
use std::net::IpAddr;

use ureq::http::Uri;

use crate::error::Error;

/// Scheme, host and port of the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Whether TLS is spoken.
    pub https: bool,
    /// A name or an address; IPv6 without brackets.
    pub host: String,
    /// The TCP port.
    pub port: u16,
}

impl Endpoint {
    /// Reads `https://host[:port]`, or `http://` on loopback.
    pub fn parse(url: &str) -> Result<Self, Error> {
        let refuse = |rule: &str| Err(Error::invalid(format!("endpoint: {rule}")));
        // Before any parsing, so that no message of a parser shows what may be a password.
        if url.contains('@') {
            return refuse("must not hold user info (an @)");
        }
        if url.contains(['?', '#']) {
            return refuse("must not hold a query or a fragment");
        }
        let Ok(uri) = url.parse::<Uri>() else {
            return refuse("is not a URL such as https://host or https://host:port");
        };
        let https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return refuse("must begin with https:// (or http:// on loopback)"),
        };
        if !matches!(uri.path(), "" | "/") {
            return refuse("must not hold a path: the library adds the service's own");
        }
        let host = bare_host(&uri);
        let default_port = if https { 443 } else { 80 };
        let Some(port) = port_of(&uri, default_port) else {
            return refuse("the port must be 1 to 65535");
        };
        if host.is_empty() {
            return refuse("names no host");
        }
        if !https && !is_loopback(&host) {
            return refuse(
                "plain http is for loopback addresses and localhost only: what authorizes \
                 deletions must not travel in the clear; use https",
            );
        }
        Ok(Self { https, host, port })
    }

    /// The `Host` header: the port only where it is not the scheme's own (RFC 9110, 7.2).
    pub fn authority(&self) -> String {
        let host = bracketed(&self.host);
        match (self.https, self.port) {
            (true, 443) | (false, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }

    /// Host and port, as a proxy is asked for them.
    pub fn host_and_port(&self) -> String {
        format!("{}:{}", bracketed(&self.host), self.port)
    }

    fn scheme(&self) -> &'static str {
        if self.https { "https" } else { "http" }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}", self.scheme(), self.authority())
    }
}

/// An HTTP proxy that opens tunnels (CONNECT). Its URL may hold a password, so Debug hides it.
#[derive(Clone)]
pub struct Proxy(ureq::Proxy);

impl Proxy {
    /// Reads `http://[user:password@]host[:port]`.
    pub fn parse(url: &str) -> Result<Self, Error> {
        let refuse = |rule: &str| Err(Error::invalid(format!("proxy: {rule}")));
        if !url.starts_with("http://") {
            return refuse("must be a URL such as http://host:port");
        }
        let Ok(proxy) = ureq::Proxy::new(url) else {
            return refuse("is not a URL such as http://host:port");
        };
        let uri = proxy.uri();
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() || url.contains('#') {
            return refuse("must not hold a path, a query or a fragment");
        }
        if port_of(uri, 80).is_none() {
            return refuse("the port must be 1 to 65535");
        }
        Ok(Self(proxy))
    }

    /// The proxy as ureq knows it.
    pub fn as_ureq(&self) -> &ureq::Proxy {
        &self.0
    }

    /// Whether what goes to the proxy stays on this machine.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&bare_host(self.0.uri()))
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Proxy(***)")
    }
}

/// A URI's host; IPv6 without brackets.
pub fn bare_host(uri: &Uri) -> String {
    let host = uri.host().unwrap_or_default();
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    bare.unwrap_or(host).to_owned()
}

/// The port, or none where what is written is not one.
fn port_of(uri: &Uri, default_port: u16) -> Option<u16> {
    let authority = uri.authority()?.as_str();
    let after_host = authority.rsplit(['@', ']']).next().unwrap_or_default();
    match after_host.split_once(':') {
        None => Some(default_port),
        Some((_, port)) => port.parse().ok().filter(|port| *port != 0),
    }
}

fn bracketed(host: &str) -> String {
    if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    }
}

fn is_loopback(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

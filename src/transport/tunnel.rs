//! A tunnel through an HTTP proxy (CONNECT; RFC 9110, 9.3.6).

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ureq::http::StatusCode;
use ureq::unversioned::transport::Transport as Wire;
use ureq_proto::client::MAX_RESPONSE_HEADERS;
use ureq_proto::parser::try_parse_response;
use zeroize::Zeroizing;

use super::socket::{BUFFER_BYTES, SocketTransport, describe, no_timeout};

/// Has the proxy at the other end of `socket` open a tunnel to `target`, a host and a port; or says
/// why there is none.
pub(super) fn open(
    socket: &mut SocketTransport,
    target: &str,
    proxy: &ureq::Proxy,
) -> Result<(), String> {
    let request = request(target, proxy);
    let mut rest = request.as_bytes();
    while !rest.is_empty() {
        let output = socket.buffers().output();
        let amount = rest.len().min(output.len());
        output[..amount].copy_from_slice(&rest[..amount]);
        let sent = socket.transmit_output(amount, no_timeout());
        sent.map_err(|error| describe(&error))?;
        rest = &rest[amount..];
    }
    let status = receive_status(socket)?;
    match status.is_success() {
        true => Ok(()),
        false => Err(format!("the proxy opened no tunnel: HTTP status {status}")),
    }
}

fn request(target: &str, proxy: &ureq::Proxy) -> Zeroizing<String> {
    let agent = super::USER_AGENT;
    let mut request = Zeroizing::new(format!(
        "CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nUser-Agent: {agent}\r\n"
    ));
    if proxy.username().is_some() || proxy.password().is_some() {
        let name = proxy.username().unwrap_or_default();
        let password = proxy.password().unwrap_or_default();
        // RFC 7617, 2.
        let credentials = Zeroizing::new(format!("{name}:{password}"));
        let encoded = Zeroizing::new(BASE64_STANDARD.encode(credentials.as_bytes()));
        request.push_str("Proxy-Authorization: Basic ");
        request.push_str(&encoded);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    request
}

/// The status of the proxy's final response. What follows a 2xx is the tunnel's and stays in the
/// buffer; the body of any other is left unread, for the connection ends with it.
fn receive_status(socket: &mut SocketTransport) -> Result<StatusCode, String> {
    loop {
        let input = socket.buffers().input();
        let available = input.len();
        let head = try_parse_response::<MAX_RESPONSE_HEADERS>(input)
            .map_err(|error| format!("the proxy's response breaks the rules of HTTP: {error}"))?;
        if let Some((used, head)) = head {
            socket.buffers().input_consume(used);
            if !head.status().is_informational() {
                return Ok(head.status());
            }
        } else if available >= BUFFER_BYTES {
            return Err("the head of the proxy's response is longer than 16 KiB".to_owned());
        } else {
            let received = socket.await_input(no_timeout());
            if !received.map_err(|error| describe(&error))? {
                return Err("the proxy closed the connection and opened no tunnel".to_owned());
            }
        }
    }
}

//! A client that sees every byte, and the calls that the tests make with it.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use koodrive_sandbox::{Fault, Options, Rule, Sandbox, ScopeSource, Totals};
use serde_json::{Value, json};
use time::OffsetDateTime;

pub const USER: &str = "1505084218764547200";
pub const DEVICE: &str = "1842812272691451648";

pub fn start(options: Options) -> Sandbox {
    Sandbox::start(options).expect("a port on loopback is free")
}

/// A sandbox in which exactly these ids exist on `DEVICE` of `USER`.
pub fn start_with_ids(ids: &[&str]) -> Sandbox {
    start(Options {
        scopes: scopes(ids),
        ..Options::default()
    })
}

pub fn start_with_fault(fault: Fault) -> Sandbox {
    let sandbox = start_with_ids(&["1", "2", "3"]);
    sandbox.set_faults(vec![Rule::always(fault)]);
    sandbox
}

pub fn scopes(ids: &[&str]) -> ScopeSource {
    let users = json!({ "users": { USER: { DEVICE: ids } } });
    serde_json::from_value(users).expect("the form of a scopes file")
}

/// Waits for what other threads are about to do; far longer than it can take.
pub fn wait_for(sandbox: &Sandbox, wanted: impl Fn(&Totals) -> bool) {
    assert!(sandbox.wait_for(Duration::from_secs(30), wanted));
}

/// A time `seconds` from now, in the form of `X-Date`.
pub fn x_date(seconds: i64) -> String {
    let moment = OffsetDateTime::from_unix_timestamp(now() + seconds).expect("a near time");
    let (year, month, day) = moment.to_calendar_date();
    let (hour, minute, second) = moment.to_hms();
    let month = u8::from(month);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

pub fn now() -> i64 {
    let age = SystemTime::now().duration_since(UNIX_EPOCH);
    age.expect("after 1970").as_secs() as i64
}

/// A request, to be changed before it is sent.
#[derive(Clone)]
pub struct Call {
    pub method: &'static str,
    pub target: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

impl Call {
    /// A deletion with all that the API reference asks for.
    pub fn delete(ids: Value) -> Self {
        Self {
            method: "DELETE",
            target: format!("/koodrive/ose/v1/backup/device/{DEVICE}/scope"),
            headers: vec![
                ("Host", "127.0.0.1".to_owned()),
                ("Authorization", "Bearer token".to_owned()),
                ("X-User-Id", USER.to_owned()),
                ("X-Date", x_date(0)),
                ("Content-Type", "application/json".to_owned()),
            ],
            body: json!({ "scopeIdList": ids }).to_string(),
        }
    }

    pub fn get(target: &str) -> Self {
        let mut call = Self::delete(json!([]));
        call.method = "GET";
        call.target = target.to_owned();
        call.body = String::new();
        call
    }

    pub fn post(target: &str, body: &str) -> Self {
        let mut call = Self::get(target);
        call.method = "POST";
        call.body = body.to_owned();
        call
    }

    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self = self.without(name);
        self.headers.push((name, value.to_owned()));
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let mut text = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            text += &format!("{name}: {value}\r\n");
        }
        text += &format!("Content-Length: {}\r\n\r\n{}", self.body.len(), self.body);
        text.into_bytes()
    }
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }
}

/// A connection that is kept alive.
pub struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    pub fn connect(sandbox: &Sandbox) -> Self {
        let address = sandbox.url().strip_prefix("http://").expect("plain HTTP");
        let stream = TcpStream::connect(address).expect("the sandbox listens");
        stream.set_nodelay(true).expect("a TCP socket");
        let stream = BufReader::new(stream);
        Self { stream }
    }

    pub fn call(&mut self, call: &Call) -> Answer {
        self.send(call);
        self.receive().expect("an answer")
    }

    pub fn send(&mut self, call: &Call) {
        self.send_bytes(&call.bytes());
    }

    /// Sends all but the last byte.
    pub fn send_partly(&mut self, call: &Call) {
        let bytes = call.bytes();
        self.send_bytes(&bytes[..bytes.len() - 1]);
    }

    fn send_bytes(&mut self, bytes: &[u8]) {
        let mut stream = self.stream.get_ref();
        stream.write_all(bytes).expect("the connection is open");
    }

    pub fn receive(&mut self) -> io::Result<Answer> {
        let status = self.line()?;
        let status = status.split(' ').nth(1).and_then(|text| text.parse().ok());
        let status = status.ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut answer = Answer {
            status,
            headers: Vec::new(),
            body: String::new(),
        };
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(": ") else {
                break;
            };
            let header = (name.to_owned(), value.to_owned());
            answer.headers.push(header);
        }
        let length = answer.header("content-length").unwrap_or("0").parse();
        let mut body = vec![0; length.expect("a number")];
        self.stream.read_exact(&mut body)?;
        answer.body = String::from_utf8(body).expect("UTF-8");
        Ok(answer)
    }

    /// All that comes until the connection ends.
    pub fn receive_to_end(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.stream.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }
}

/// One call on a connection of its own.
pub fn call(sandbox: &Sandbox, call: &Call) -> Answer {
    Client::connect(sandbox).call(call)
}

pub fn assert_parameter_check_failed(answer: &Answer) {
    let expected = json!({ "code": 13000102, "msg": "Parameter check failed." });
    assert_eq!((answer.status, answer.json()), (400, expected));
}

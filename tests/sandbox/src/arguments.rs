//! The program's arguments.

use std::error::Error;
use std::fs;
use std::num::ParseIntError;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use koodrive_sandbox::{App, Options, RateLimit, ScopeSource, Token};
use lexopt::{Arg, Parser, ValueExt};
use serde::de::DeserializeOwned;

pub const HELP: &str = "\
An embedded KooDrive on 127.0.0.1. Prints its base URL when it is ready, then serves until it gets
SIGINT or SIGTERM.

Usage: koodrive-sandbox [OPTIONS]

What exists (the default is --any):
      --any                 every id exists until it has been deleted
      --auto N              every user has every device, each with N generated scopes
      --generate N          N generated scopes on each generated device
        --devices D           devices of each generated user [1]
        --users U             generated users [1]
      --scopes FILE         {\"users\": {\"<user>\": {\"<device>\": [\"<id>\", ...]}}}
                            Generated ids count up from: scopes 1842846715527000000, devices
                            1842812272691451648, users 1505084218764547200

Who may call (the default is every bearer token):
      --token T             accept only this bearer token; may be repeated
      --app-id ID           accept requests signed by this application ...
      --app-secret SECRET   ... with this secret

How it behaves:
      --latency-ms N        answer after N milliseconds
      --rate R              let R requests a second pass, answer the others with 429
        --burst B             so many may come at once [1]
        --retry-after S       their Retry-After
      --clock-skew-s N      the service's clock is N seconds ahead (behind, if negative)
      --faults FILE         a list of fault rules; see README.md
      --options FILE        all of this and more, see README.md; what follows it overrides it

What it remembers:
      --state FILE          read which scopes were deleted; write it when it ends

How it is reached:
      --port N              [0: a free one]
      --tls DIR             HTTPS; writes DIR/ca.pem, the certificate to trust
      --until-stdin-closes  end when standard input does, too
  -h, --help
";

/// What the program was asked to do.
pub struct Arguments {
    pub options: Options,
    pub tls_directory: Option<PathBuf>,
    pub state: Option<PathBuf>,
    pub until_stdin_closes: bool,
}

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Arguments that mean something only together.
#[derive(Default)]
struct Pieces {
    generate: Option<u64>,
    devices: Option<u64>,
    users: Option<u64>,
    app_id: Option<String>,
    app_secret: Option<String>,
    rate: Option<f64>,
    burst: Option<f64>,
    retry_after: Option<String>,
}

impl Arguments {
    /// Reads the command line; `None` if it asks for help.
    pub fn from_env() -> Result<Option<Self>> {
        let mut this = Self {
            options: Options::default(),
            tls_directory: None,
            state: None,
            until_stdin_closes: false,
        };
        let mut pieces = Pieces::default();
        let mut parser = Parser::from_env();
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Short('h') | Arg::Long("help") => return Ok(None),
                Arg::Long("until-stdin-closes") => this.until_stdin_closes = true,
                Arg::Long("tls") => {
                    this.tls_directory = Some(parser.value()?.into());
                }
                Arg::Long("state") => {
                    let path = PathBuf::from(parser.value()?);
                    if path.exists() {
                        this.options.deleted = read_json(&path)?;
                    }
                    this.state = Some(path);
                }
                Arg::Long("rate") => pieces.rate = Some(parser.value()?.parse()?),
                Arg::Long("burst") => pieces.burst = Some(parser.value()?.parse()?),
                Arg::Long("retry-after") => {
                    pieces.retry_after = Some(parser.value()?.string()?);
                }
                Arg::Long("generate") => pieces.generate = Some(number(&mut parser)?),
                Arg::Long("devices") => pieces.devices = Some(number(&mut parser)?),
                Arg::Long("users") => pieces.users = Some(number(&mut parser)?),
                Arg::Long("app-id") => pieces.app_id = Some(parser.value()?.string()?),
                Arg::Long("app-secret") => pieces.app_secret = Some(parser.value()?.string()?),
                Arg::Long(name) => {
                    let name = name.to_owned();
                    set(&mut this.options, &name, &mut parser)?;
                }
                _ => return Err(argument.unexpected().into()),
            }
        }
        this.options.tls |= this.tls_directory.is_some();
        pieces.put_together(&mut this.options)?;
        Ok(Some(this))
    }
}

impl Pieces {
    fn put_together(self, options: &mut Options) -> Result<()> {
        match (self.generate, self.devices, self.users) {
            (Some(count), devices, users) => {
                options.scopes = ScopeSource::Generated {
                    count,
                    devices: devices.unwrap_or(1),
                    users: users.unwrap_or(1),
                };
            }
            (None, None, None) => {}
            _ => return Err("--devices and --users need --generate".into()),
        }
        match (self.app_id, self.app_secret) {
            (Some(id), Some(secret)) => options.apps.push(App { id, secret }),
            (None, None) => {}
            _ => return Err("--app-id and --app-secret need each other".into()),
        }
        match (self.rate, self.burst, self.retry_after) {
            (Some(per_second), burst, retry_after) => {
                options.rate_limit = Some(RateLimit {
                    per_second,
                    burst: burst.unwrap_or(1.0),
                    retry_after,
                });
            }
            (None, None, None) => {}
            _ => return Err("--burst and --retry-after need --rate".into()),
        }
        Ok(())
    }
}

/// Sets an option that stands for itself.
fn set(options: &mut Options, name: &str, parser: &mut Parser) -> Result<()> {
    match name {
        "options" => *options = json_file(parser)?,
        "scopes" => options.scopes = json_file(parser)?,
        "faults" => options.faults = json_file(parser)?,
        "any" => options.scopes = ScopeSource::Everything,
        "auto" => {
            let count = number(parser)?;
            options.scopes = ScopeSource::Auto { count };
        }
        "token" => options.tokens.push(Token {
            value: parser.value()?.string()?,
            requests: None,
        }),
        "port" => options.port = number(parser)?,
        "latency-ms" => options.latency_ms = number(parser)?,
        "clock-skew-s" => options.clock_skew_s = number(parser)?,
        _ => return Err(Arg::Long(name).unexpected().into()),
    }
    Ok(())
}

fn number<T: FromStr<Err = ParseIntError>>(parser: &mut Parser) -> Result<T> {
    Ok(parser.value()?.parse()?)
}

fn json_file<T: DeserializeOwned>(parser: &mut Parser) -> Result<T> {
    read_json(&PathBuf::from(parser.value()?))
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let inside = |problem: &dyn Error| format!("{}: {problem}", path.display());
    let text = fs::read(path).map_err(|problem| inside(&problem))?;
    Ok(serde_json::from_slice(&text).map_err(|problem| inside(&problem))?)
}

//! The library's parts without a network: what they cost by themselves, and whether a change made them
//! slower.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use http::Response;
use koodrive::client::Client;
use koodrive::config::Config;
use koodrive::context::CallContext;
use koodrive::credentials::Secret;
use koodrive::failure::{Failure, FailureKind};
use koodrive::plan::Plan;
use koodrive::service::SigningInput;
use koodrive::system::Machine;
use koodrive::transport::{self, Connection, Transport};
use koodrive_bench::{DEVICE, TOKEN, USER, answer, scope_id};

/// A service in memory that gives the same answer to every request, or loses it.
#[derive(Clone)]
struct Canned(Option<String>);

impl Transport for Canned {
    fn connect(&self, _: &CallContext) -> Result<Box<dyn Connection>, Failure> {
        Ok(Box::new(self.clone()))
    }
}

impl Connection for Canned {
    fn exchange(
        &mut self,
        request: transport::HttpRequest<'_>,
        _: &CallContext,
    ) -> Result<transport::HttpResponse<'_>, Failure> {
        black_box((request.head, request.body));
        let answer = self.0.as_ref().ok_or(Failure {
            possibly_executed: true,
            kind: FailureKind::Unreachable,
            message: "lost".into(),
        })?;
        Ok(transport::HttpResponse {
            head: Response::new(()),
            body: answer.as_bytes(),
        })
    }

    fn is_reusable(&mut self) -> bool {
        true
    }
}

fn ids(count: u64) -> Vec<String> {
    (0..count).map(scope_id).collect()
}

/// Checking ids and copying them.
fn plan(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("plan");
    group.throughput(Throughput::Elements(100_000));
    let text = ids(100_000).join("\n");
    group.bench_function("add_lines, 100,000 ids", |bencher| {
        bencher.iter_batched(
            Plan::new,
            |mut plan| {
                plan.add_lines(None, DEVICE, &text, None).unwrap();
                plan
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

/// A whole run of one request: schedule, body and headers; and where an answer comes, reading it,
/// verdict and report.
fn run(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("run over memory");
    for count in [1, 100] {
        let ids = ids(count);
        let ids = || ids.iter().map(String::as_str);
        let mut plan = Plan::new();
        plan.add(None, DEVICE, ids()).unwrap();
        group.throughput(Throughput::Elements(count));
        for (name, answer) in [("no answer", None), ("answered", Some(answer(ids())))] {
            let is_answered = answer.is_some();
            let client = client(Canned(answer));
            group.bench_function(format!("{count} ids, {name}"), |bencher| {
                bencher.iter(|| {
                    let (report, error) = client.delete_plan(&plan, None).unwrap();
                    assert_eq!(error.is_none(), is_answered);
                    report
                });
            });
        }
    }
    group.finish();
}

fn client(transport: Canned) -> Client {
    let mut config = Config::new();
    config.set_endpoint("https://koodrive.invalid").unwrap();
    config.set_user_id(USER).unwrap();
    config.set_access_token(TOKEN).unwrap();
    config.set_max_attempts(1).unwrap();
    Client::with_parts(&config, Box::new(transport), Box::new(Machine)).unwrap()
}

/// The App-ID signature of a request of 100 ids.
fn sign(criterion: &mut Criterion) {
    let body = format!("{{\"scopeIdList\":{:?}}}", ids(100));
    let secret = Secret::new("0123456789abcdef0123456789abcdef");
    let input = SigningInput {
        method: "DELETE",
        path: "/koodrive/ose/v1/backup/device/dev-0001/scope",
        query: "",
        host: "127.0.0.1:8080",
        date: "20251103T070140Z",
        user: USER,
        body: body.as_bytes(),
    };
    criterion.bench_function("sign, 100 ids", |bencher| {
        bencher.iter(|| black_box(&input).authorization("app", &secret));
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().measurement_time(Duration::from_secs(3));
    targets = plan, run, sign
}
criterion_main!(benches);

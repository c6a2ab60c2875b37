//! A worker's way to the service: one request at a time, over a connection of its own.

use std::sync::Arc;

use super::Service;
use super::attempt::Attempt;
use super::list::ListResponse;
use super::redactor::Redactor;
use super::request::{Deletion, Query, Request};
use super::response::Response;
use crate::context::CallContext;
use crate::failure::{Failure, FailureKind};
use crate::system::System;
use crate::transport::{Connection, HttpRequest, PooledConnection};

/// Sends requests one after the other. Its connection comes from the client's pool or is opened, and
/// goes to the pool when the session is closed.
pub(crate) struct Session<'s> {
    service: &'s Service,
    system: &'s dyn System,
    connection: Option<PooledConnection>,
    /// Whether what came last over the connection can be trusted, and so what comes next.
    is_trusted: bool,
}

impl Service {
    /// A session without a connection yet.
    pub(crate) fn session<'s>(&'s self, system: &'s dyn System) -> Session<'s> {
        Session {
            service: self,
            system,
            connection: None,
            is_trusted: false,
        }
    }
}

impl Session<'_> {
    /// Whether a request may be sent at once: over the session's connection, or one of the pool. A bad
    /// connection is dropped; nothing was sent on it.
    pub(crate) fn is_connected(&mut self) -> bool {
        let uptime = self.system.uptime();
        let is_trusted = self.is_trusted;
        let is_bad = |connection: &mut PooledConnection| !is_trusted || !connection.is_good(uptime);
        drop(self.connection.take_if(is_bad));
        if self.connection.is_none() {
            self.connection = self.service.pool.take(uptime);
            self.is_trusted = true;
        }
        self.connection.is_some()
    }

    /// Opens a connection.
    pub(crate) fn connect(&mut self, context: &CallContext) -> Result<(), Failure> {
        let connection = self.service.transport.connect(context)?;
        self.connection = Some(PooledConnection::new(connection, self.system.uptime()));
        self.is_trusted = true;
        Ok(())
    }

    /// Sends a deletion over the session's connection and reads the response.
    pub(crate) fn delete<'c>(
        &'c mut self,
        deletion: &Deletion<'_>,
        context: &CallContext,
    ) -> Attempt<'c> {
        let request = deletion.request();
        self.exchange(request, context, |response, _, _| {
            Attempt::judge(deletion.ids, response)
        })
    }

    /// The same of a query; what the response lists is added to `list`.
    pub(crate) fn read<'c>(
        &'c mut self,
        query: &Query<'_>,
        list: &mut dyn ListResponse,
        context: &CallContext,
    ) -> Attempt<'c> {
        let request = Ok(query.request());
        self.exchange(request, context, |response, body, redactor| {
            Attempt::judge_query(response, || list.read(body, query, redactor))
        })
    }

    fn exchange<'c>(
        &'c mut self,
        request: Result<Request<'_>, String>,
        context: &CallContext,
        judge: impl FnOnce(Response<'c>, &'c [u8], &Redactor<'_>) -> Attempt<'c>,
    ) -> Attempt<'c> {
        // Until there is a response, and if this ends in a panic.
        self.is_trusted = false;
        let Some(connection) = &mut self.connection else {
            let message = "there is no connection for the request";
            return Attempt::failed(&Failure::unsent(FailureKind::Unreachable, message));
        };
        let (connection, last_used) = connection.for_use();
        let attempt = exchange(
            self.service,
            self.system,
            connection,
            request,
            context,
            judge,
        );
        *last_used = self.system.uptime();
        let attempt = attempt.unwrap_or_else(|failure| Attempt::failed(&failure));
        self.is_trusted = attempt.is_trusted();
        attempt
    }

    /// The response was read: drops the connection if it is of no more use.
    pub(crate) fn end_request(&mut self) {
        if !self.is_trusted {
            self.connection = None;
        }
    }

    /// Leaves the connection to later sessions.
    pub(crate) fn close(&mut self) {
        if let Some(connection) = self.connection.take().filter(|_| self.is_trusted) {
            self.service.pool.put(connection, self.system.uptime());
        }
    }
}

fn exchange<'c>(
    service: &Service,
    system: &dyn System,
    connection: &'c mut dyn Connection,
    request: Result<Request<'_>, String>,
    context: &CallContext,
    judge: impl FnOnce(Response<'c>, &'c [u8], &Redactor<'_>) -> Attempt<'c>,
) -> Result<Attempt<'c>, Failure> {
    let credentials = service.credentials();
    let x_date = service.clock.x_date(system.wall_clock());
    let signed = request.and_then(|request| {
        let max_response_bytes = request.max_response_bytes;
        let signed = request.sign(&service.authority, credentials.current(), &x_date.text)?;
        Ok((signed, max_response_bytes))
    });
    let (signed, max_response_bytes) = signed.map_err(|why| {
        let message = format!("the request can't be written: {why}");
        Failure::unsent(FailureKind::InvalidRequest, message)
    })?;
    let request = HttpRequest {
        head: signed.head,
        body: signed.body.as_deref(),
        max_response_bytes,
    };
    let response = connection.exchange(request, context)?;
    let is_unauthorized = response.head.status() == ureq::http::StatusCode::UNAUTHORIZED;
    let credentials_replaced =
        is_unauthorized && !Arc::ptr_eq(&credentials, &service.credentials());
    let redactor = Redactor::new(&credentials, &signed.authorization);
    let now = system.wall_clock();
    let body = response.body;
    let response = Response {
        credentials_replaced,
        ..Response::read(&response, &service.clock, &x_date, now, &redactor)
    };
    Ok(judge(response, body, &redactor))
}

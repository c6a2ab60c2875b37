//! A client carries out plans.

use crate::config::{self, Config, Limits};
use crate::error::Error;
use crate::monitor::Monitor;
use crate::plan::Plan;
use crate::report::Report;
use crate::run::{self, RateLimiter, RunContext};
use crate::service::Service;
use crate::system::{Machine, System};
use crate::transport::{HttpTransport, Transport};

/// Carries out plans, from any number of threads at once.
pub struct Client {
    service: Service,
    system: Box<dyn System>,
    rate_limiter: RateLimiter,
    limits: Limits,
    user_id: Option<String>,
}

impl Client {
    /// A client of the service that the config names. Nothing is sent, nothing connected.
    pub fn new(config: &Config) -> Result<Self, Error> {
        let endpoint = config.endpoint.as_ref().ok_or_else(|| {
            Error::invalid(
                "endpoint: not set, and the library assumes none; set it in the config or in \
                 KOODRIVE_ENDPOINT",
            )
        })?;
        let clear_text_leaves =
            |proxy: &crate::endpoint::Proxy| !endpoint.https && !proxy.is_loopback();
        if config.proxy.as_ref().is_some_and(clear_text_leaves) {
            return Err(Error::invalid(
                "proxy: plain http may not leave this machine, not even through a proxy; use https",
            ));
        }
        let transport = HttpTransport::new(endpoint, config.proxy.as_ref(), config.roots.clone())
            .map_err(|why| Error::invalid(format!("endpoint: {why}")))?;
        Self::with_parts(config, Box::new(transport), Box::new(Machine))
    }

    /// A client with a transport and a system of one's own: for simulations.
    pub fn with_parts(
        config: &Config,
        transport: Box<dyn Transport>,
        system: Box<dyn System>,
    ) -> Result<Self, Error> {
        let endpoint = config.endpoint.clone();
        let endpoint = endpoint.ok_or_else(|| Error::invalid("endpoint: not set"))?;
        let credentials = config.credentials.clone().ok_or_else(|| {
            Error::invalid(
                "authorization: not set; set an access token, an authorization or app credentials, \
                 in the config or in KOODRIVE_ACCESS_TOKEN, KOODRIVE_AUTHORIZATION or \
                 KOODRIVE_APP_ID and KOODRIVE_APP_SECRET",
            )
        })?;
        let limits = config.limits.clone();
        let rate_limiter = RateLimiter::new(limits.max_requests_per_second, system.now());
        Ok(Self {
            service: Service::new(&endpoint, credentials, transport, limits.max_connections),
            system,
            rate_limiter,
            limits,
            user_id: config.user_id.clone(),
        })
    }

    /// Requests from now on carry this access token, those of runs under way included.
    pub fn set_access_token(&self, token: &str) -> Result<(), Error> {
        self.service.set_credentials(config::access_token(token)?);
        Ok(())
    }

    /// Requests from now on carry this header value, those of runs under way included.
    pub fn set_authorization(&self, value: &str) -> Result<(), Error> {
        self.service.set_credentials(config::authorization(value)?);
        Ok(())
    }

    /// Deletes ids of one device of the config's user.
    pub fn delete_scopes<'a>(
        &self,
        device_id: &str,
        scope_ids: impl Iterator<Item = &'a str> + Clone,
        monitor: Option<&Monitor>,
    ) -> Result<(Report, Option<Error>), Error> {
        let mut plan = Plan::new();
        plan.add(None, device_id, scope_ids)?;
        self.delete_plan(&plan, monitor)
    }

    /// Carries out a plan; returns when every id has its outcome. An error alone means that
    /// nothing was sent; one beside a report says why that is incomplete.
    pub fn delete_plan(
        &self,
        plan: &Plan,
        monitor: Option<&Monitor>,
    ) -> Result<(Report, Option<Error>), Error> {
        if self.user_id.is_none() && plan.needs_default_user() {
            return Err(Error::invalid(
                "user_id: ids were added without one, and the config has none; set it there or in \
                 KOODRIVE_USER_ID",
            ));
        }
        let unwatched = Monitor::default();
        let watch = monitor.unwrap_or(&unwatched).watch(plan.scope_count())?;
        let context = RunContext {
            service: &self.service,
            system: self.system.as_ref(),
            rate_limiter: &self.rate_limiter,
            limits: &self.limits,
        };
        let user = self.user_id.as_deref().unwrap_or_default();
        Ok(run::execute(context, plan, user, &watch))
    }
}

//! A client carries out plans, and lists what there is.

use std::path::Path;

use crate::config::{self, Config, Limits};
use crate::error::Error;
use crate::journal::{Journal, JournalFile, Owner, Storage};
use crate::listing::{Devices, Scopes};
use crate::monitor::{Monitor, Watch};
use crate::plan::{Plan, check_device_id, check_user_id};
use crate::report::Report;
use crate::rules::check_module_code;
use crate::run::{self, RateLimiter, RunContext};
use crate::service::{ListResponse, Query, QueryOf, Service};
use crate::system::{Machine, System};
use crate::transport::{HttpTransport, Transport};

/// The modules of the API reference: folders, albums, address books.
const MODULES: [&str; 3] = ["100", "101", "102"];

/// Carries out plans, from any number of threads at once.
pub struct Client {
    service: Service,
    system: Box<dyn System>,
    rate_limiter: RateLimiter,
    limits: Limits,
    user_id: Option<String>,
    /// As a journal names it.
    endpoint: String,
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
            endpoint: endpoint.to_string(),
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
        let monitor = monitor.cloned().unwrap_or_default();
        let watch = self.begin(plan, &monitor)?;
        Ok(run::execute(
            self.context(),
            plan,
            self.user(),
            &watch,
            None,
        ))
    }

    /// The same, and writes down what it does: the same call with the same plan and file takes up a run that
    /// ended in any way.
    pub fn delete_plan_journaled(
        &self,
        plan: &Plan,
        path: &Path,
        monitor: Option<&Monitor>,
    ) -> Result<(Report, Option<Error>), Error> {
        let open = || match JournalFile::open(path) {
            Ok(file) => Ok(Box::new(file) as Box<dyn Storage>),
            Err(why) => Err(Error::invalid(format!(
                "journal: {}: {why}",
                path.display()
            ))),
        };
        self.delete_plan_with(plan, open, monitor)
    }

    /// The same, with a storage of one's own: for simulations.
    pub fn delete_plan_with(
        &self,
        plan: &Plan,
        open: impl FnOnce() -> Result<Box<dyn Storage>, Error>,
        monitor: Option<&Monitor>,
    ) -> Result<(Report, Option<Error>), Error> {
        let monitor = monitor.cloned().unwrap_or_default();
        let watch = self.begin(plan, &monitor)?;
        let owner = Owner {
            endpoint: &self.endpoint,
            plan,
            default_user: self.user(),
        };
        let (journal, recovered) = Journal::open(open()?, &owner, self.system.as_ref())?;
        let mut plan = plan.clone();
        let tried = recovered
            .is_tried
            .iter()
            .enumerate()
            .filter(|(_, tried)| **tried);
        plan.mark_tried_at(tried.map(|(position, _)| position));
        let journal = Some((&journal, &recovered));
        Ok(run::execute(
            self.context(),
            &plan,
            self.user(),
            &watch,
            journal,
        ))
    }

    /// Lists the devices of a user; none means the config's.
    pub fn list_devices(
        &self,
        user: Option<&str>,
        monitor: Option<&Monitor>,
    ) -> Result<Devices, Error> {
        let query = Query {
            user: self.user_of_list(user)?,
            of: QueryOf::Devices,
        };
        self.read_list(&[query], Devices::default(), monitor)
    }

    /// Lists the scopes of a device, of one module or else of all that are known.
    pub fn list_scopes(
        &self,
        user: Option<&str>,
        device: &str,
        module: Option<&str>,
        monitor: Option<&Monitor>,
    ) -> Result<Scopes, Error> {
        let user = self.user_of_list(user)?;
        check_device_id(device)?;
        if let Some(module) = module {
            check_module_code(module)?;
        }
        // The API reference asks for a module in each request.
        let modules = module.map_or(MODULES.to_vec(), |module| vec![module]);
        let query = |module| Query {
            user,
            of: QueryOf::Scopes { device, module },
        };
        let queries: Vec<_> = modules.into_iter().map(query).collect();
        self.read_list(&queries, Scopes::new(user, device), monitor)
    }

    fn read_list<L: ListResponse>(
        &self,
        queries: &[Query<'_>],
        mut list: L,
        monitor: Option<&Monitor>,
    ) -> Result<L, Error> {
        let monitor = monitor.cloned().unwrap_or_default();
        run::read_list(self.context(), &monitor.watch(0)?, queries, &mut list)?;
        Ok(list)
    }

    fn user_of_list<'u>(&'u self, user: Option<&'u str>) -> Result<&'u str, Error> {
        if let Some(user) = user {
            check_user_id(user)?;
        }
        user.or(self.user_id.as_deref()).ok_or_else(|| {
            Error::invalid(
                "user_id: not given, and the config has none; set it there or in KOODRIVE_USER_ID",
            )
        })
    }

    /// Checks a plan, and takes the monitor for its run.
    fn begin<'m>(&self, plan: &Plan, monitor: &'m Monitor) -> Result<Watch<'m>, Error> {
        if self.user_id.is_none() && plan.needs_default_user() {
            return Err(Error::invalid(
                "user_id: ids were added without one, and the config has none; set it there or in \
                 KOODRIVE_USER_ID",
            ));
        }
        monitor.watch(plan.scope_count())
    }

    fn user(&self) -> &str {
        self.user_id.as_deref().unwrap_or_default()
    }

    fn context(&self) -> RunContext<'_> {
        RunContext {
            service: &self.service,
            system: self.system.as_ref(),
            rate_limiter: &self.rate_limiter,
            limits: &self.limits,
        }
    }
}

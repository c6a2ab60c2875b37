//! A C program: a list of calls, made through the C interface by the rules of the header. A call that
//! fails must say why and change nothing, and ids must come back as they went in.

use std::collections::HashSet;
use std::ffi::{CStr, CString, c_char};
use std::ptr;

use arbitrary::Arbitrary;
use koodrive::ffi::client::*;
use koodrive::ffi::config::*;
use koodrive::ffi::devices::*;
use koodrive::ffi::error::*;
use koodrive::ffi::event::*;
use koodrive::ffi::monitor::*;
use koodrive::ffi::plan::*;
use koodrive::ffi::result::*;
use koodrive::ffi::scopes::*;
use koodrive::ffi::status::*;

/// Where a setting or a credential holds it, no message may show it.
const SECRET: &str = "hunter2-hunter2";

#[derive(Arbitrary, Debug)]
pub enum Text<'a> {
    Null,
    /// What most setters and the plan accept.
    Good(u8),
    Raw(&'a [u8]),
    /// Text around the secret.
    Secret(&'a [u8], &'a [u8]),
}

impl Text<'_> {
    /// As C passes it: it ends with the first NUL.
    fn to_c(&self) -> Option<CString> {
        let bytes = match self {
            Self::Null => return None,
            Self::Good(which) => format!("{}", which % 8).into_bytes(),
            Self::Raw(bytes) => bytes.to_vec(),
            Self::Secret(before, after) => [before, SECRET.as_bytes(), after].concat(),
        };
        let end = bytes.iter().position(|byte| *byte == 0);
        CString::new(&bytes[..end.unwrap_or(bytes.len())]).ok()
    }
}

#[derive(Arbitrary, Debug, Clone, Copy)]
pub enum TextSetting {
    Endpoint,
    UserId,
    AccessToken,
    Authorization,
    Proxy,
}

#[derive(Arbitrary, Debug, Clone, Copy)]
pub enum NumberSetting {
    ConnectTimeout,
    RequestTimeout,
    RunTimeout,
    MaxOutage,
    MaxAttempts,
    MaxConnections,
    MaxRequestsPerSecond,
}

#[derive(Arbitrary, Debug)]
pub enum Call<'a> {
    GoodConfig,
    SetText(TextSetting, Text<'a>),
    SetAppCredentials(Text<'a>, Text<'a>),
    SetNumber(NumberSetting, u64),
    Add {
        user: Text<'a>,
        device: Text<'a>,
        ids: Vec<Text<'a>>,
    },
    /// A count that no memory can hold.
    AddTooMany(u64),
    AddLines {
        user: Text<'a>,
        device: Text<'a>,
        lines: &'a [u8],
        count: u8,
    },
    AddLinesTooLong(u64),
    NewPlan,
    MarkTried,
    NewClient,
    RenewToken(Text<'a>),
    RenewAuthorization(Text<'a>),
    DeletePlan,
    DeleteScopes(Text<'a>, Vec<Text<'a>>),
    TakeUnfinished,
    ReadResult(usize),
    ListDevices(Text<'a>),
    ListScopes {
        user: Text<'a>,
        device: Text<'a>,
        module: Text<'a>,
    },
    /// Of a list that there is not.
    AddScopes,
    ReadLists(usize),
    KeepEvents(u64),
    NextEvent,
    /// The one that was taken last, if any.
    ReadEvent,
}

/// More events than this no monitor keeps.
const MOST_EVENTS: usize = 1 << 24;

/// Makes the calls, and checks what each of them leaves behind.
pub fn make(calls: &[Call]) {
    let mut program = Program::new();
    for call in calls {
        program.make(call);
    }
    program.end();
}

/// An id that was added: user, device, id.
type Added = (Option<CString>, CString, CString);

/// A C program's objects, and what it knows of them.
struct Program {
    config: *mut koodrive_config,
    plan: *mut koodrive_plan,
    client: *mut koodrive_client,
    result: *mut koodrive_result,
    monitor: *mut koodrive_monitor,
    /// The one that was taken last.
    event: *mut koodrive_event,
    /// How many events the monitor keeps at the most, has by now, and had no room for.
    capacity: usize,
    kept: usize,
    dropped: usize,
    /// Whether endpoint, authorization, user and proxy were accepted.
    has: [bool; 4],
    user: Option<CString>,
    client_user: Option<CString>,
    added: Vec<Added>,
    ran: Vec<Added>,
}

impl Program {
    fn new() -> Self {
        let monitor = koodrive_monitor_new();
        // SAFETY: a live monitor. A cancelled run sends nothing, wherever the endpoint is.
        unsafe { koodrive_monitor_cancel(monitor) };
        Self {
            config: koodrive_config_new(),
            plan: koodrive_plan_new(),
            client: ptr::null_mut(),
            result: ptr::null_mut(),
            monitor,
            event: ptr::null_mut(),
            capacity: 0,
            kept: 0,
            dropped: 0,
            has: [false; 4],
            user: None,
            client_user: None,
            added: Vec::new(),
            ran: Vec::new(),
        }
    }

    fn end(self) {
        // SAFETY: each is NULL or live, and not used again.
        unsafe {
            koodrive_result_free(self.result);
            koodrive_client_free(self.client);
            koodrive_plan_free(self.plan);
            koodrive_config_free(self.config);
            koodrive_monitor_free(self.monitor);
            koodrive_event_free(self.event);
        }
    }

    fn make(&mut self, call: &Call) {
        match call {
            Call::GoodConfig => self.good_config(),
            Call::SetText(setting, text) => {
                self.set_text(*setting, text.to_c());
            }
            Call::SetAppCredentials(id, secret) => {
                let (id, secret) = (id.to_c(), secret.to_c());
                let good = discreet(|error| {
                    // SAFETY: a live config; NULL or texts that live through the call.
                    unsafe {
                        koodrive_config_set_app_credentials(
                            self.config,
                            pointer(&id),
                            pointer(&secret),
                            error,
                        )
                    }
                });
                self.has[1] |= good;
            }
            Call::SetNumber(setting, number) => self.set_number(*setting, *number),
            Call::Add { user, device, ids } => self.add(user.to_c(), device.to_c(), ids),
            Call::AddTooMany(count) => self.add_too_many(*count as usize),
            Call::AddLines {
                user,
                device,
                lines,
                count,
            } => self.add_lines(user.to_c(), device.to_c(), lines, *count as usize),
            Call::AddLinesTooLong(length) => self.add_lines_too_long(*length as usize),
            Call::NewPlan => {
                // SAFETY: a live plan, not used again.
                unsafe { koodrive_plan_free(self.plan) };
                self.plan = koodrive_plan_new();
                self.added.clear();
            }
            Call::MarkTried => {
                // SAFETY: a live plan.
                assert!(checked(|error| unsafe {
                    koodrive_plan_mark_tried(self.plan, error)
                }));
            }
            Call::NewClient => self.new_client(),
            Call::RenewToken(text) => {
                let text = text.to_c();
                // SAFETY: NULL or a live client; NULL or a text that lives through the call.
                discreet(|error| unsafe {
                    koodrive_client_set_access_token(self.client, pointer(&text), error)
                });
            }
            Call::RenewAuthorization(text) => {
                let text = text.to_c();
                // SAFETY: NULL or a live client; NULL or a text that lives through the call.
                discreet(|error| unsafe {
                    koodrive_client_set_authorization(self.client, pointer(&text), error)
                });
            }
            Call::DeletePlan => self.delete_plan(),
            Call::DeleteScopes(device, ids) => self.delete_scopes(device.to_c(), ids),
            Call::TakeUnfinished => self.take_unfinished(),
            Call::ReadResult(index) => self.read_result(*index),
            Call::ListDevices(user) => self.list_devices(user.to_c()),
            Call::ListScopes {
                user,
                device,
                module,
            } => self.list_scopes(user.to_c(), device.to_c(), module.to_c()),
            Call::AddScopes => {
                let add = |error: *mut *mut koodrive_error| {
                    // SAFETY: a live plan; NULL is refused.
                    unsafe { koodrive_plan_add_scopes(self.plan, ptr::null(), error) }
                };
                assert!(!checked(add));
            }
            Call::ReadLists(index) => read_lists(*index),
            Call::KeepEvents(capacity) => self.keep_events(*capacity as usize),
            Call::NextEvent => self.next_event(),
            Call::ReadEvent => read_event(self.event),
        }
        self.check_monitor();
        // SAFETY: a live plan.
        let count = unsafe { koodrive_plan_scope_count(self.plan) };
        assert_eq!(count, self.added.len(), "after {call:?}");
    }

    fn good_config(&mut self) {
        let good = [
            (TextSetting::Endpoint, c"http://127.0.0.1:1"),
            (TextSetting::AccessToken, c"token"),
            (TextSetting::UserId, c"user"),
        ];
        for (setting, text) in good {
            assert!(self.set_text(setting, Some(text.to_owned())));
        }
    }

    fn set_text(&mut self, setting: TextSetting, text: Option<CString>) -> bool {
        let set = match setting {
            TextSetting::Endpoint => koodrive_config_set_endpoint,
            TextSetting::UserId => koodrive_config_set_user_id,
            TextSetting::AccessToken => koodrive_config_set_access_token,
            TextSetting::Authorization => koodrive_config_set_authorization,
            TextSetting::Proxy => koodrive_config_set_proxy,
        };
        // SAFETY: a live config; NULL or a text that lives through the call.
        let good = discreet(|error| unsafe { set(self.config, pointer(&text), error) });
        if good {
            let which = match setting {
                TextSetting::Endpoint => 0,
                TextSetting::AccessToken | TextSetting::Authorization => 1,
                TextSetting::UserId => 2,
                TextSetting::Proxy => 3,
            };
            self.has[which] = true;
            if let TextSetting::UserId = setting {
                self.user = text;
            }
        }
        good
    }

    fn set_number(&mut self, setting: NumberSetting, number: u64) {
        let (config, small) = (self.config, number as u32);
        const YEAR_MS: u64 = 31_536_000_000;
        // SAFETY: a live config, in each of these calls.
        let (good, expected) = unsafe {
            match setting {
                NumberSetting::ConnectTimeout => (
                    checked(|error| koodrive_config_set_connect_timeout_ms(config, number, error)),
                    (1..=YEAR_MS).contains(&number),
                ),
                NumberSetting::RequestTimeout => (
                    checked(|error| koodrive_config_set_request_timeout_ms(config, number, error)),
                    (1..=YEAR_MS).contains(&number),
                ),
                NumberSetting::RunTimeout => (
                    checked(|error| koodrive_config_set_run_timeout_ms(config, number, error)),
                    number <= YEAR_MS,
                ),
                NumberSetting::MaxOutage => (
                    checked(|error| koodrive_config_set_max_outage_ms(config, number, error)),
                    number <= YEAR_MS,
                ),
                NumberSetting::MaxAttempts => (
                    checked(|error| koodrive_config_set_max_attempts(config, small, error)),
                    (1..=100).contains(&small),
                ),
                NumberSetting::MaxConnections => (
                    checked(|error| koodrive_config_set_max_connections(config, small, error)),
                    (1..=1024).contains(&small),
                ),
                NumberSetting::MaxRequestsPerSecond => (
                    checked(|error| {
                        koodrive_config_set_max_requests_per_second(config, small, error)
                    }),
                    true,
                ),
            }
        };
        assert_eq!(good, expected, "{setting:?} {number}");
    }

    fn add(&mut self, user: Option<CString>, device: Option<CString>, ids: &[Text]) {
        let ids: Vec<_> = ids.iter().map(Text::to_c).collect();
        let pointers: Vec<_> = ids.iter().map(pointer).collect();
        let good = checked(|error| {
            // SAFETY: a live plan; NULL or texts, and an array of them, that live through the call.
            unsafe {
                koodrive_plan_add(
                    self.plan,
                    pointer(&user),
                    pointer(&device),
                    pointers.as_ptr(),
                    pointers.len(),
                    error,
                )
            }
        });
        if good {
            let device = device.expect("NULL is refused");
            for id in ids {
                let id = id.expect("NULL is refused");
                self.added.push((user.clone(), device.clone(), id));
            }
        }
    }

    fn add_too_many(&mut self, count: usize) {
        let count = count | 1 << 60;
        let id = c"1".as_ptr();
        // SAFETY: a live plan; the count is refused before the array is looked at.
        let good = checked(|error| unsafe {
            koodrive_plan_add(self.plan, ptr::null(), c"d".as_ptr(), &id, count, error)
        });
        assert!(!good);
    }

    fn add_lines(
        &mut self,
        user: Option<CString>,
        device: Option<CString>,
        lines: &[u8],
        count: usize,
    ) {
        let good = checked(|error| {
            // SAFETY: a live plan; NULL or texts that live through the call.
            unsafe {
                koodrive_plan_add_lines(
                    self.plan,
                    pointer(&user),
                    pointer(&device),
                    lines.as_ptr().cast(),
                    lines.len(),
                    count,
                    error,
                )
            }
        });
        if good {
            let before = self.added.len();
            let device = device.expect("NULL is refused");
            let text = lines.strip_suffix(b"\n").unwrap_or(lines);
            for id in text
                .split(|byte| *byte == b'\n')
                .filter(|_| !lines.is_empty())
            {
                let id = CString::new(id).expect("visible characters only");
                self.added.push((user.clone(), device.clone(), id));
            }
            assert!(count == 0 || count == self.added.len() - before);
        }
    }

    fn add_lines_too_long(&mut self, length: usize) {
        let length = length | 1 << 63;
        // SAFETY: a live plan; the length is refused before the text is looked at.
        let good = checked(|error| unsafe {
            let (device, text) = (c"d".as_ptr(), c"1".as_ptr());
            koodrive_plan_add_lines(self.plan, ptr::null(), device, text, length, 0, error)
        });
        assert!(!good);
    }

    fn new_client(&mut self) {
        let mut client = ptr::dangling_mut();
        let place = &raw mut client;
        // SAFETY: a live config, a place for a client.
        let good = checked(|error| unsafe { koodrive_client_new(self.config, place, error) });
        let [endpoint, authorization, _, proxy] = self.has;
        assert!(good || !(endpoint && authorization) || proxy);
        assert!(!good || endpoint && authorization);
        assert_eq!(good, !client.is_null());
        if good {
            // SAFETY: NULL or a live client, not used again.
            unsafe { koodrive_client_free(self.client) };
            self.client = client;
            self.client_user = self.user.clone();
        }
    }

    fn delete_plan(&mut self) {
        let (client, plan, monitor) = (self.client, self.plan, self.monitor);
        let added = self.added.clone();
        self.run(added, |result, error| {
            // SAFETY: NULL or a live client, a live plan and monitor, places for the pointers.
            unsafe { koodrive_client_delete_plan(client, plan, monitor, result, error) }
        });
    }

    fn delete_scopes(&mut self, device: Option<CString>, ids: &[Text]) {
        let (client, monitor) = (self.client, self.monitor);
        let ids: Vec<_> = ids.iter().map(Text::to_c).collect();
        let pointers: Vec<_> = ids.iter().map(pointer).collect();
        let added = ids.iter().flatten().map(|id| {
            let device = device.clone().unwrap_or_default();
            (None, device, id.clone())
        });
        self.run(added.collect(), |result, error| {
            // SAFETY: NULL or a live client, a live monitor, NULL or texts and an array of them
            // that live through the call, places for the pointers.
            unsafe {
                koodrive_client_delete_scopes(
                    client,
                    pointer(&device),
                    pointers.as_ptr(),
                    pointers.len(),
                    monitor,
                    result,
                    error,
                )
            }
        });
    }

    fn list_devices(&mut self, user: Option<CString>) {
        let (mut list, mut error) = (ptr::dangling_mut(), ptr::dangling_mut());
        // SAFETY: NULL or a live client, NULL or a text that lives through the call, a live monitor, places
        // for the pointers.
        let status = unsafe {
            let (client, monitor) = (self.client, self.monitor);
            koodrive_client_list_devices(client, pointer(&user), monitor, &mut list, &mut error)
        };
        assert!(list.is_null());
        self.check_no_list(status, error, &user, &Some(c"device".to_owned()), &None);
    }

    fn list_scopes(
        &mut self,
        user: Option<CString>,
        device: Option<CString>,
        module: Option<CString>,
    ) {
        let (mut list, mut error) = (ptr::dangling_mut(), ptr::dangling_mut());
        // SAFETY: NULL or a live client, NULL or texts that live through the call, a live monitor, places for
        // the pointers.
        let status = unsafe {
            koodrive_client_list_scopes(
                self.client,
                pointer(&user),
                pointer(&device),
                pointer(&module),
                self.monitor,
                &mut list,
                &mut error,
            )
        };
        assert!(list.is_null());
        self.check_no_list(status, error, &user, &device, &module);
    }

    /// Nothing was listed: an argument breaks a rule, which is the plan's, or else the call was cancelled
    /// before it began.
    fn check_no_list(
        &mut self,
        status: koodrive_status,
        error: *mut koodrive_error,
        user: &Option<CString>,
        device: &Option<CString>,
        module: &Option<CString>,
    ) {
        let is_module = |text: &CString| {
            let bytes = text.as_bytes();
            (1..=16).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
        };
        let is_good = !self.client.is_null()
            && (user.is_some() || self.client_user.is_some())
            && module.as_ref().is_none_or(is_module)
            && is_accepted_by_a_plan(user, device);
        let expected = match is_good {
            true => KOODRIVE_ERROR_CANCELLED,
            false => KOODRIVE_ERROR_INVALID_ARGUMENT,
        };
        let message = check_error(status, error);
        assert_eq!(
            status, expected,
            "{message}: {user:?} {device:?} {module:?}"
        );
        if is_good {
            self.told_of_the_cancel();
        }
    }

    /// A run that is cancelled before it begins.
    fn run(
        &mut self,
        ids: Vec<Added>,
        delete: impl FnOnce(*mut *mut koodrive_result, *mut *mut koodrive_error) -> koodrive_status,
    ) {
        // Miri knows no signal masks, which workers are started with.
        if cfg!(miri) {
            return;
        }
        let (mut result, mut error) = (ptr::dangling_mut(), ptr::dangling_mut());
        let status = delete(&mut result, &mut error);
        check_error(status, error);
        match status {
            KOODRIVE_ERROR_INVALID_ARGUMENT => return assert!(result.is_null()),
            KOODRIVE_OK => assert!(ids.is_empty()),
            _ => {
                assert_eq!(status, KOODRIVE_ERROR_CANCELLED);
                self.told_of_the_cancel();
            }
        }
        // SAFETY: NULL or a live result, not used again.
        unsafe { koodrive_result_free(self.result) };
        self.result = result;
        let user = self.client_user.clone();
        let with_user = |(own, device, id): Added| (own.or_else(|| user.clone()), device, id);
        self.ran = ids.into_iter().map(with_user).collect();
        self.check_tallies();
    }

    fn check_tallies(&self) {
        let distinct: HashSet<_> = self.ran.iter().collect();
        let (count, result) = (self.ran.len(), self.result);
        // SAFETY: a live result, in each of these calls.
        unsafe {
            assert_eq!(koodrive_result_count(result), count);
            assert_eq!(koodrive_result_request_count(result), 0);
            let not_sent = koodrive_result_tally(result, KOODRIVE_OUTCOME_NOT_SENT);
            // Of a plan that was tried.
            let unknown = koodrive_result_tally(result, KOODRIVE_OUTCOME_UNKNOWN);
            assert_eq!(not_sent + unknown, distinct.len());
            let repeated = koodrive_result_tally(result, KOODRIVE_OUTCOME_DUPLICATE);
            assert_eq!(repeated, count - distinct.len());
            assert_eq!(koodrive_result_outcomes(result).is_null(), count == 0);
        }
    }

    /// A run that was cancelled tells so, and nothing else.
    fn told_of_the_cancel(&mut self) {
        match self.capacity {
            0 => {}
            capacity if capacity == self.kept => self.dropped += 1,
            _ => self.kept += 1,
        }
    }

    fn keep_events(&mut self, capacity: usize) {
        let monitor = self.monitor;
        // SAFETY: a live monitor.
        let good =
            checked(|error| unsafe { koodrive_monitor_keep_events(monitor, capacity, error) });
        assert_eq!(good, capacity <= MOST_EVENTS);
        if good {
            (self.capacity, self.kept, self.dropped) = (capacity, 0, 0);
        }
        // SAFETY: NULL is refused.
        assert!(!checked(|error| unsafe {
            koodrive_monitor_keep_events(ptr::null_mut(), capacity, error)
        }));
    }

    fn next_event(&mut self) {
        // SAFETY: a live monitor.
        let event = unsafe { koodrive_monitor_next_event(self.monitor) };
        assert_eq!(event.is_null(), self.kept == 0);
        if !event.is_null() {
            self.kept -= 1;
            // SAFETY: NULL or a live event, not used again.
            unsafe { koodrive_event_free(self.event) };
            self.event = event;
        }
    }

    fn check_monitor(&self) {
        let monitor = self.monitor;
        // SAFETY: a live monitor, in each of these calls.
        unsafe {
            assert_eq!(koodrive_monitor_events_dropped(monitor), self.dropped);
            assert_eq!(koodrive_monitor_requests_sent(monitor), 0);
            assert_eq!(koodrive_monitor_retries(monitor), 0);
            assert_eq!(koodrive_monitor_throttles(monitor), 0);
        }
    }

    fn take_unfinished(&mut self) {
        // SAFETY: NULL or a live result.
        let plan = unsafe { koodrive_result_unfinished(self.result) };
        assert_eq!(plan.is_null(), self.result.is_null());
        if !plan.is_null() {
            // SAFETY: a live plan, not used again.
            unsafe { koodrive_plan_free(self.plan) };
            self.plan = plan;
            let mut seen = HashSet::new();
            let ran = self.ran.iter().cloned();
            self.added = ran.filter(|added| seen.insert(added.clone())).collect();
        }
    }

    fn read_result(&self, index: usize) {
        let result = self.result;
        for index in [index, index % (self.ran.len() + 1)] {
            let expected = self.ran.get(index);
            let user = expected.and_then(|(user, _, _)| user.as_deref());
            // SAFETY: NULL or a live result, and texts that live as long as it.
            unsafe {
                let id = text(koodrive_result_scope_id(result, index));
                assert_eq!(id, expected.map(|(_, _, id)| id.as_c_str()));
                let device = text(koodrive_result_device_id(result, index));
                assert_eq!(device, expected.map(|(_, device, _)| device.as_c_str()));
                assert_eq!(text(koodrive_result_user_id(result, index)), user);
                let message = text(koodrive_result_message(result, index));
                assert_eq!(message.is_some(), expected.is_some());
                text(koodrive_result_service_code(result, index));
            }
            for step in [
                koodrive_result_next_failure,
                koodrive_result_next_unfinished,
            ] {
                let (mut cursor, mut found) = (index, usize::MAX);
                // SAFETY: NULL or a live result, and two places for numbers.
                if unsafe { step(result, &mut cursor, &mut found) } {
                    assert!((index..self.ran.len()).contains(&found));
                }
            }
        }
    }
}

/// Whether a plan takes ids of this user and device.
fn is_accepted_by_a_plan(user: &Option<CString>, device: &Option<CString>) -> bool {
    let plan = koodrive_plan_new();
    let add = |error: *mut *mut koodrive_error| {
        let (id, user, device) = (c"1".as_ptr(), pointer(user), pointer(device));
        // SAFETY: a live plan; NULL or texts, and an array of one, that live through the call.
        unsafe { koodrive_plan_add(plan, user, device, &id, 1, error) }
    };
    let is_accepted = checked(add);
    // SAFETY: a live plan, not used again.
    unsafe { koodrive_plan_free(plan) };
    is_accepted
}

/// An event of a run that was cancelled before it began, or none.
fn read_event(event: *const koodrive_event) {
    let (kind, name, words) = match event.is_null() {
        true => (0, c"UNDEFINED", None),
        false => (
            KOODRIVE_EVENT_STOPPING,
            c"STOPPING",
            Some(c"the run was cancelled"),
        ),
    };
    // SAFETY: NULL or a live event, in each of these calls; its texts live as long as it.
    unsafe {
        assert_eq!(koodrive_event_kind(event), kind);
        assert_eq!(text(koodrive_event_kind_name(kind)), Some(name));
        assert_eq!(text(koodrive_event_message(event)), words);
        assert!(koodrive_event_request_id(event).is_null());
        assert!(koodrive_event_user_id(event).is_null());
        assert!(koodrive_event_device_id(event).is_null());
        assert!(koodrive_event_first_scope_id(event).is_null());
        assert_eq!(koodrive_event_rate(event), 0.0);
        assert_eq!(koodrive_event_http_status(event), 0);
        assert_eq!(koodrive_event_scope_count(event), 0);
        assert_eq!(koodrive_event_attempt(event), 0);
        assert_eq!(koodrive_event_duration_ms(event), 0);
        // It sent nothing, and waited for nothing.
        assert!(koodrive_event_elapsed_ms(event) < 3_600_000);
    }
}

/// Of lists that there are not, nothing can be read.
fn read_lists(index: usize) {
    // SAFETY: all of them take NULL.
    unsafe {
        assert_eq!(koodrive_devices_count(ptr::null()), 0);
        assert_eq!(koodrive_scopes_count(ptr::null()), 0);
        for read in [
            koodrive_devices_device_id,
            koodrive_devices_name,
            koodrive_devices_os,
            koodrive_devices_machine_code,
            koodrive_devices_created_at,
        ] {
            assert!(read(ptr::null(), index).is_null());
        }
        for read in [
            koodrive_scopes_scope_id,
            koodrive_scopes_module_code,
            koodrive_scopes_local_path,
            koodrive_scopes_target_folder_path,
            koodrive_scopes_created_at,
        ] {
            assert!(read(ptr::null(), index).is_null());
        }
        koodrive_devices_free(ptr::null_mut());
        koodrive_scopes_free(ptr::null_mut());
    }
}

/// Makes a call that can fail and whose arguments may be secret; whether it went well.
fn discreet(call: impl Fn(*mut *mut koodrive_error) -> koodrive_status) -> bool {
    let message = message_of(&call);
    assert!(!message.contains(SECRET), "{message}");
    message.is_empty()
}

/// Makes a call that can fail; whether it went well.
fn checked(call: impl Fn(*mut *mut koodrive_error) -> koodrive_status) -> bool {
    message_of(call).is_empty()
}

/// Makes a call that can fail, with a place for the error and, if it fails, without; the message.
fn message_of(call: impl Fn(*mut *mut koodrive_error) -> koodrive_status) -> String {
    let mut error = ptr::dangling_mut();
    let status = call(&mut error);
    let message = check_error(status, error);
    assert!(matches!(
        status,
        KOODRIVE_OK | KOODRIVE_ERROR_INVALID_ARGUMENT
    ));
    if status != KOODRIVE_OK {
        // What failed has changed nothing, so it fails again.
        assert_eq!(call(ptr::null_mut()), status);
    }
    message
}

/// The error says what the status says, and says it in words; which ones.
fn check_error(status: koodrive_status, error: *mut koodrive_error) -> String {
    assert_eq!(status == KOODRIVE_OK, error.is_null());
    // SAFETY: NULL or a live error, which is not used again; its text lives as long as it.
    unsafe {
        assert_eq!(koodrive_error_status(error), status);
        assert_eq!(koodrive_error_http_status(error), 0);
        assert!(koodrive_error_service_code(error).is_null());
        let message = text(koodrive_error_message(error)).unwrap_or_default();
        let message = message.to_str().expect("UTF-8").to_owned();
        assert_eq!(message.is_empty(), error.is_null());
        koodrive_error_free(error);
        message
    }
}

fn pointer(text: &Option<CString>) -> *const c_char {
    text.as_ref().map_or(ptr::null(), |text| text.as_ptr())
}

/// # Safety
/// `text` is NULL or a C string that lives long enough.
unsafe fn text<'a>(text: *const c_char) -> Option<&'a CStr> {
    // SAFETY: not NULL, and the caller's promise.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) })
}

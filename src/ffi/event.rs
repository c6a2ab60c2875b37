//! What happens in a run.

use std::ffi::{CString, c_char};

use super::{c_pointer, free, guard};
use crate::event::{Event, EventKind, RequestName};
use crate::report::c_string;

/// A request was answered, or failed after it was sent: its status, request id, duration, ids and attempt.
pub const KOODRIVE_EVENT_REQUEST: i32 = 1;

/// A request will be sent again: why, and in how many milliseconds at the earliest, as far as it is known.
pub const KOODRIVE_EVENT_RETRY: i32 = 2;

/// The service refused a request for its rate, and the rate was cut: what it is from now on. What was under way by
/// then may be refused, too, and cuts nothing: koodrive_monitor_throttles() counts these as well.
pub const KOODRIVE_EVENT_THROTTLED: i32 = 3;

/// The service is down, since when and why: requests wait. It is noticed only when requests have failed for a while.
pub const KOODRIVE_EVENT_OUTAGE_BEGAN: i32 = 4;

/// The service is back, and after how long.
pub const KOODRIVE_EVENT_OUTAGE_ENDED: i32 = 5;

/// Our clock was found wrong, and by how much: requests carry the service's time from now on.
pub const KOODRIVE_EVENT_CLOCK_CORRECTED: i32 = 6;

/// Why nothing new is sent.
pub const KOODRIVE_EVENT_STOPPING: i32 = 7;

/// A request is not sent again, which leaves ids of it without a success, or a list without an end: why, with status
/// and request id of the failure. Told once of each request that failed, for good or as often as it is tried, or that
/// waited for its next try after a failure when the run stopped. Of what else a stop leaves only
/// KOODRIVE_EVENT_STOPPING tells: what was never tried, what is under way and abandoned, a half that was not sent.
pub const KOODRIVE_EVENT_GIVEN_UP: i32 = 8;

/// One thing that happened in a run. koodrive_monitor_next_event() hands it out; the caller frees it with
/// koodrive_event_free(). It never changes, and stays valid whatever else is freed.
pub struct koodrive_event {
    event: Event,
    message: CString,
    request_id: Option<CString>,
}

impl koodrive_event {
    pub(super) fn new(event: Event) -> Self {
        Self {
            message: c_string(&event.message),
            request_id: event.request_id.as_deref().map(c_string),
            event,
        }
    }

    fn request(&self) -> Option<&RequestName> {
        self.event.request.as_ref()
    }
}

/// What kind of thing happened: a KOODRIVE_EVENT_... number. Be ready for numbers that are added later. 0 for
/// NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_event_kind(event: *const koodrive_event) -> i32 {
    // SAFETY: `event` is NULL or alive, and nothing ever writes to it (the header, CONVENTIONS).
    let event = unsafe { event.as_ref() };
    event.map_or(0, |event| event.event.kind as i32)
}

/// A kind's name, such as "OUTAGE_BEGAN"; "UNDEFINED" for a number that is none. Static: never free it.
#[unsafe(no_mangle)]
pub extern "C" fn koodrive_event_kind_name(kind: i32) -> *const c_char {
    let kind = EventKind::ALL
        .into_iter()
        .find(|known| *known as i32 == kind);
    kind.map_or(c"UNDEFINED", EventKind::c_name).as_ptr()
}

/// What happened, in one line, with what the service or the network said. It never holds a secret. What is longer than
/// 512 bytes is cut and ends with "...": the call's error and result say all. Borrowed from the event; NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_event_message(event: *const koodrive_event) -> *const c_char {
    // SAFETY: `event` is NULL or alive, and nothing ever writes to it (the header, CONVENTIONS).
    let event = unsafe { event.as_ref() };
    c_pointer(event.map(|event| event.message.as_c_str()))
}

/// The user of the request that a REQUEST, RETRY or GIVEN_UP is about. Borrowed from the event; NULL for others and for
/// NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_event_user_id(event: *const koodrive_event) -> *const c_char {
    // SAFETY: `event` is NULL or alive, and nothing ever writes to it (the header, CONVENTIONS).
    let event = unsafe { event.as_ref() };
    let request = event.and_then(koodrive_event::request);
    c_pointer(request.map(|request| request.user_id.as_c_str()))
}

/// The device of that request. Borrowed from the event; NULL of a list of devices, for others and for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_event_device_id(event: *const koodrive_event) -> *const c_char {
    // SAFETY: `event` is NULL or alive, and nothing ever writes to it (the header, CONVENTIONS).
    let event = unsafe { event.as_ref() };
    let request = event.and_then(koodrive_event::request);
    c_pointer(request.and_then(|request| request.device_id.as_deref()))
}

/// The first id that the request holds: with user and device it tells the request from all others of the run, as
/// each id stands in one request at a time. What is sent again holds only the ids that are left, so the first may be
/// another one then. Borrowed from the event; NULL of a call that lists, for others and for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_event_first_scope_id(
    event: *const koodrive_event,
) -> *const c_char {
    // SAFETY: `event` is NULL or alive, and nothing ever writes to it (the header, CONVENTIONS).
    let event = unsafe { event.as_ref() };
    let request = event.and_then(koodrive_event::request);
    c_pointer(request.and_then(|request| request.first_scope_id.as_deref()))
}

/// The X-Request-Id of the response behind the event, for the service's support, cut in the same way. Borrowed from the
/// event; NULL if there is none, or for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_event_request_id(event: *const koodrive_event) -> *const c_char {
    // SAFETY: `event` is NULL or alive, and nothing ever writes to it (the header, CONVENTIONS).
    let event = unsafe { event.as_ref() };
    c_pointer(event.and_then(|event| event.request_id.as_deref()))
}

/// The HTTP status of that response; 0 if there is none, or for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_event_http_status(event: *const koodrive_event) -> i32 {
    // SAFETY: `event` is NULL or alive, and nothing ever writes to it (the header, CONVENTIONS).
    let event = unsafe { event.as_ref() };
    let status = event.and_then(|event| event.event.http_status);
    status.map_or(0, i32::from)
}

/// When it happened, in milliseconds since the run began. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_event_elapsed_ms(event: *const koodrive_event) -> u64 {
    // SAFETY: `event` is NULL or alive, and nothing ever writes to it (the header, CONVENTIONS).
    let event = unsafe { event.as_ref() };
    event.map_or(0, |event| event.event.elapsed.as_millis() as u64)
}

/// Of a REQUEST how long it took, from its first byte sent to its whole response, in milliseconds. Of an OUTAGE_BEGAN
/// and OUTAGE_ENDED how long the service had been down by then, since the first failure. 0 for others and for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_event_duration_ms(event: *const koodrive_event) -> u64 {
    // SAFETY: `event` is NULL or alive, and nothing ever writes to it (the header, CONVENTIONS).
    let event = unsafe { event.as_ref() };
    event.map_or(0, |event| event.event.duration.as_millis() as u64)
}

/// How many ids the request holds that a REQUEST, RETRY or GIVEN_UP is about; 0 of a call that lists, for others and
/// for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_event_scope_count(event: *const koodrive_event) -> usize {
    // SAFETY: `event` is NULL or alive, and nothing ever writes to it (the header, CONVENTIONS).
    let event = unsafe { event.as_ref() };
    event.map_or(0, |event| event.event.scope_count)
}

/// Which try it is, from 1: of a REQUEST the one that it is about, of a RETRY the next one, of a GIVEN_UP the last one,
/// 0 if it was never sent. A request that was halved begins anew. A connection that can't be had is no try: after it
/// comes a RETRY, without a REQUEST, of the try that is still to come. 0 for others and for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_event_attempt(event: *const koodrive_event) -> u32 {
    // SAFETY: `event` is NULL or alive, and nothing ever writes to it (the header, CONVENTIONS).
    let event = unsafe { event.as_ref() };
    event.map_or(0, |event| event.event.attempt)
}

/// Of a THROTTLED how many requests a second are sent from now on, at the most; 0 for others and for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_event_rate(event: *const koodrive_event) -> f64 {
    // SAFETY: `event` is NULL or alive, and nothing ever writes to it (the header, CONVENTIONS).
    let event = unsafe { event.as_ref() };
    event.and_then(|event| event.event.rate).unwrap_or(0.0)
}

/// Frees an event, and all that was borrowed from it. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_event_free(event: *mut koodrive_event) {
    // SAFETY: `event` is NULL, or came from `into_handle` and is given back here, once: nobody uses it any more.
    guard((), || unsafe { free(event) });
}

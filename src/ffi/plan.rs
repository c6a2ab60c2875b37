//! What to delete.

use std::ffi::c_char;
use std::ptr;

use super::arrow;
use super::arrow::abi::ArrowArrayStream;
use super::error::koodrive_error;
use super::scopes::koodrive_scopes;
use super::status::koodrive_status;
use super::{
    free, guard, guard_status, into_handle, optional_text, required, required_array, required_mut,
    required_text, scope_ids,
};
use crate::error::Error;
use crate::plan::Plan;

/// What to delete: scope ids of devices of users, in the order in which they are added. The order
/// of the result is the same. A plan may be run more than once, and added to after a run.
pub struct koodrive_plan(pub(super) Plan);

/// A new, empty plan; free it with koodrive_plan_free(). NULL if it could not be made.
#[unsafe(no_mangle)]
pub extern "C" fn koodrive_plan_new() -> *mut koodrive_plan {
    guard(ptr::null_mut(), || into_handle(koodrive_plan(Plan::new())))
}

/// Adds scope ids of one device.
///
/// user_id: whose device it is, 1 to 8000 bytes without control characters, not beginning or ending
/// with a space; NULL means the user id of the config of the client that will run the plan.
/// device_id: 1 to 512 bytes without control characters. It may hold "/" and "\\", but no segment
/// between them may be empty, "." or "..", also not percent-encoded: a server that decodes the path
/// before it resolves it would take that for another device. Everything else is percent-encoded.
/// scope_ids: count strings of 1 to 128 visible ASCII characters. Ids that are plainly damaged
/// numbers are refused: digits with a decimal point or an exponent, or with the tail
/// "VW5TYWZlSW50ZWdlcg==" ("UnSafeInteger"). May be NULL if count is 0.
///
/// Everything is copied. Returns KOODRIVE_ERROR_INVALID_ARGUMENT for an argument that breaks its
/// rule; the message names it, and the plan is as it was.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_plan_add(
    plan: *mut koodrive_plan,
    user_id: *const c_char,
    device_id: *const c_char,
    scope_ids: *const *const c_char,
    count: usize,
    error: *mut *mut koodrive_error,
) -> koodrive_status {
    // SAFETY: `plan` is NULL or alive, and this thread alone uses it; `user_id` and `device_id`
    // are NULL or end with a NUL; `scope_ids` is NULL or holds `count` such texts; `error` is
    // NULL or a place for a pointer (the header, CONVENTIONS).
    unsafe {
        guard_status(error, || {
            let plan = required_mut("plan", plan)?;
            let user = optional_text("user_id", user_id)?;
            let device = required_text("device_id", device_id)?;
            let ids = self::scope_ids(scope_ids, count)?;
            plan.0.add(user, device, ids.into_iter())
        })
    }
}

/// Adds scope ids of one device that stand one a line in a text, such as a whole file.
///
/// text: length bytes of UTF-8; it needs no NUL at its end, and may be NULL if length is 0. Ids are
/// separated by '\n', and one more '\n' may stand at the end; "\r\n" is refused. An empty text holds
/// no id.
/// count: how many ids there must be, so that a line that got lost is noticed; 0: any number.
/// The rest is as for koodrive_plan_add(): the same rules, the same status.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_plan_add_lines(
    plan: *mut koodrive_plan,
    user_id: *const c_char,
    device_id: *const c_char,
    text: *const c_char,
    length: usize,
    count: usize,
    error: *mut *mut koodrive_error,
) -> koodrive_status {
    // SAFETY: `plan` is NULL or alive, and this thread alone uses it; `user_id` and `device_id`
    // are NULL or end with a NUL; `text` holds `length` bytes; `error` is NULL or a place for a
    // pointer (the header, CONVENTIONS).
    unsafe {
        guard_status(error, || {
            let plan = required_mut("plan", plan)?;
            let user = optional_text("user_id", user_id)?;
            let device = required_text("device_id", device_id)?;
            let bytes = required_array("text", text.cast::<u8>(), length)?;
            let text = std::str::from_utf8(bytes).map_err(|error| {
                let before = &bytes[..error.valid_up_to()];
                let index = memchr::memchr_iter(b'\n', before).count();
                Error::invalid(format!("text: scope_ids[{index}] is not UTF-8"))
            })?;
            plan.0
                .add_lines(user, device, text, Some(count).filter(|count| *count > 0))
        })
    }
}

/// Adds all scopes of a list: its user, its device, its ids. To choose among them, use koodrive_plan_add().
///
/// Everything is copied: the list may be freed afterwards. Returns KOODRIVE_ERROR_INVALID_ARGUMENT if an argument
/// is NULL; the plan is as it was then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_plan_add_scopes(
    plan: *mut koodrive_plan,
    scopes: *const koodrive_scopes,
    error: *mut *mut koodrive_error,
) -> koodrive_status {
    // SAFETY: `plan` is NULL or alive, and this thread alone uses it; `scopes` is NULL or alive, and nothing ever
    // writes to it; `error` is NULL or a place for a pointer (the header, CONVENTIONS).
    unsafe {
        guard_status(error, || {
            let plan = required_mut("plan", plan)?;
            plan.0.add_scopes(&required("scopes", scopes)?.scopes)
        })
    }
}

/// Adds the rows of a table that comes through the Arrow C stream interface, as many data tools hand it out: all of
/// them, or none.
///
/// Its columns are found by their names. "scope_id" and "device_id" must be there. "user_id" may be missing, or null
/// in some rows: the id is then of the user of the client that will run the plan. "tried", booleans, may be missing:
/// true says of an id what koodrive_plan_mark_tried() says. Other columns are ignored. Ids are texts (utf8, large
/// utf8, utf8 view), integers of any size, which are taken as their decimal digits, or dictionaries of these.
///
/// stream: its functions are called on the calling thread, before this call returns, and must not use the plan. It is
/// always released, also if the call fails (its own release is NULL then); only the struct itself is left to the caller.
///
/// Everything is copied. Returns KOODRIVE_ERROR_INVALID_ARGUMENT for a column that is missing, stands there twice, is
/// spelt otherwise ("userId" where there is no "user_id"), or holds anything else, such as floating point numbers,
/// decimals or values of an extension type; for a row with a null, or an id that koodrive_plan_add() refuses; for
/// memory that contradicts itself; and if the stream fails. The message names the column, and the row, counted from 0
/// over all batches; the plan is as it was.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_plan_add_arrow(
    plan: *mut koodrive_plan,
    stream: *mut ArrowArrayStream,
    error: *mut *mut koodrive_error,
) -> koodrive_status {
    // SAFETY: `plan` is NULL or alive, and this thread alone uses it; `stream` is NULL or holds what a producer filled
    // as the Arrow specification says, which this call takes over; `error` is NULL or a place for a pointer (the
    // header, CONVENTIONS).
    unsafe {
        guard_status(error, || {
            let stream = arrow::Stream::take("stream", stream)?;
            required("plan", plan)?;
            // The stream's own functions are called: nothing refers to the plan meanwhile.
            let rows = arrow::read(stream)?;
            required_mut("plan", plan)?.0.append(rows)
        })
    }
}

/// Takes back the latest additions: drops all ids but the first count, in the order in which they were
/// added. Does nothing where there are no more than that.
///
/// Returns KOODRIVE_ERROR_INVALID_ARGUMENT if plan is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_plan_truncate(
    plan: *mut koodrive_plan,
    count: usize,
    error: *mut *mut koodrive_error,
) -> koodrive_status {
    // SAFETY: `plan` is NULL or alive, and this thread alone uses it; `error` is NULL or a
    // place for a pointer (the header, CONVENTIONS).
    unsafe {
        guard_status(error, || {
            required_mut("plan", plan)?.0.truncate(count);
            Ok(())
        })
    }
}

/// Says that a run whose report is lost may have deleted any of the ids that the plan holds now. A run of the
/// plan begins with them as UNKNOWN, and so does not call an id NOT_FOUND that the lost run may have
/// deleted: each ends as DELETED, GONE or UNKNOWN. Ids that are added later are not affected. A plan of
/// koodrive_result_unfinished() knows this of its ids by itself.
///
/// Returns KOODRIVE_ERROR_INVALID_ARGUMENT if plan is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_plan_mark_tried(
    plan: *mut koodrive_plan,
    error: *mut *mut koodrive_error,
) -> koodrive_status {
    // SAFETY: `plan` is NULL or alive, and this thread alone uses it; `error` is NULL or a
    // place for a pointer (the header, CONVENTIONS).
    unsafe {
        guard_status(error, || {
            required_mut("plan", plan)?.0.mark_tried();
            Ok(())
        })
    }
}

/// How many ids were added, repeats included. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_plan_scope_count(plan: *const koodrive_plan) -> usize {
    // SAFETY: `plan` is NULL or alive, and nothing writes to it during the call (the header,
    // CONVENTIONS).
    let plan = unsafe { plan.as_ref() };
    plan.map_or(0, |plan| plan.0.scope_count())
}

/// How many requests a run of the plan takes if no id is repeated and no request tried twice: a
/// dry run's answer. Ids that were added with a NULL user count as a user's of their own. 0 for
/// NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_plan_request_count(plan: *const koodrive_plan) -> usize {
    // SAFETY: `plan` is NULL or alive, and nothing writes to it during the call (the header,
    // CONVENTIONS).
    let plan = unsafe { plan.as_ref() };
    guard(0, || plan.map_or(0, |plan| plan.0.request_count()))
}

/// Frees a plan. Results of its runs stay valid. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_plan_free(plan: *mut koodrive_plan) {
    // SAFETY: `plan` is NULL, or came from `into_handle` and is given back here, once: nobody
    // uses it any more.
    guard((), || unsafe { free(plan) });
}

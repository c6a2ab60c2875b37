//! What became of each id.

use std::ffi::c_char;
use std::ptr;
use std::sync::Arc;

use super::arrow;
use super::arrow::abi::{ArrowArrayStream, Releasable};
use super::error::koodrive_error;
use super::plan::koodrive_plan;
use super::status::{koodrive_outcome, koodrive_status};
use super::{c_pointer, free, guard, guard_status, into_handle, required, required_mut, write_out};
use crate::report::Report;

/// What became of each id of a run, in the order in which the ids were added to the plan. It holds
/// all that it needs: plan, client and monitor may be freed before it. Its texts and its column of
/// outcomes live as long as it does.
pub struct koodrive_result(pub(super) Arc<Report>);

/// How many ids the run had, repeats included. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_result_count(result: *const koodrive_result) -> usize {
    // SAFETY: `result` is NULL or alive, and nothing writes to it during the call (the header,
    // CONVENTIONS).
    let result = unsafe { result.as_ref() };
    result.map_or(0, |result| result.0.count())
}

/// The outcomes of all ids: an array of koodrive_result_count() numbers, each one of
/// KOODRIVE_OUTCOME_.... Borrowed from the result; NULL for NULL and for a run without ids.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_result_outcomes(
    result: *const koodrive_result,
) -> *const koodrive_outcome {
    // SAFETY: `result` is NULL or alive, and nothing writes to it during the call (the header,
    // CONVENTIONS).
    let result = unsafe { result.as_ref() };
    result
        .map(|result| result.0.outcomes())
        .filter(|outcomes| !outcomes.is_empty())
        .map_or(ptr::null(), <[koodrive_outcome]>::as_ptr)
}

/// How many ids have the given outcome. 0 for a number that is no outcome, and for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_result_tally(
    result: *const koodrive_result,
    outcome: koodrive_outcome,
) -> usize {
    // SAFETY: `result` is NULL or alive, and nothing writes to it during the call (the header,
    // CONVENTIONS).
    let result = unsafe { result.as_ref() };
    result.map_or(0, |result| result.0.tally(outcome))
}

/// Steps through the ids that may still exist: NOT_SENT, REJECTED and UNKNOWN.
///
/// Set *cursor to 0 before the first call and leave it to this function then. It returns true and
/// sets *index to the next such id, or false when there is no more; also if an argument is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_result_next_failure(
    result: *const koodrive_result,
    cursor: *mut usize,
    index: *mut usize,
) -> bool {
    // SAFETY: `result` is NULL or alive, and nothing writes to it during the call; `cursor` and
    // `index` are NULL or places for numbers (the header, CONVENTIONS).
    unsafe { step(result, cursor, index, Report::next_failure) }
}

/// Steps through the ids that a next run should take up, as koodrive_result_unfinished() gives them:
/// for a program that writes them down. The rest is as for koodrive_result_next_failure().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_result_next_unfinished(
    result: *const koodrive_result,
    cursor: *mut usize,
    index: *mut usize,
) -> bool {
    // SAFETY: `result` is NULL or alive, and nothing writes to it during the call; `cursor` and
    // `index` are NULL or places for numbers (the header, CONVENTIONS).
    unsafe { step(result, cursor, index, Report::next_unfinished) }
}

/// # Safety
///
/// Each pointer is NULL or valid.
unsafe fn step(
    result: *const koodrive_result,
    cursor: *mut usize,
    index: *mut usize,
    next: impl Fn(&Report, usize) -> Option<usize>,
) -> bool {
    // SAFETY: the caller's promise.
    let arguments = unsafe { (result.as_ref(), cursor.as_mut(), index.as_mut()) };
    let (Some(result), Some(cursor), Some(index)) = arguments else {
        return false;
    };
    match next(&result.0, *cursor) {
        Some(found) => {
            *index = found;
            *cursor = found + 1;
            true
        }
        None => {
            *cursor = result.0.count();
            false
        }
    }
}

/// How many requests the run sent, tries that failed included. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_result_request_count(result: *const koodrive_result) -> usize {
    // SAFETY: `result` is NULL or alive, and nothing writes to it during the call (the header,
    // CONVENTIONS).
    let result = unsafe { result.as_ref() };
    result.map_or(0, |result| result.0.request_count())
}

/// The id at an index. Borrowed from the result; NULL beyond the last index, and for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_result_scope_id(
    result: *const koodrive_result,
    index: usize,
) -> *const c_char {
    // SAFETY: `result` is NULL or alive, and nothing writes to it during the call (the header,
    // CONVENTIONS).
    let result = unsafe { result.as_ref() };
    c_pointer(result.and_then(|result| result.0.scope_id(index)))
}

/// The device of the id at an index. Borrowed from the result; NULL beyond the last index, and for
/// NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_result_device_id(
    result: *const koodrive_result,
    index: usize,
) -> *const c_char {
    // SAFETY: `result` is NULL or alive, and nothing writes to it during the call (the header,
    // CONVENTIONS).
    let result = unsafe { result.as_ref() };
    c_pointer(result.and_then(|result| result.0.device_id(index)))
}

/// The user of the id at an index: of ids that were added without one, the config's. Borrowed from
/// the result; NULL beyond the last index, and for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_result_user_id(
    result: *const koodrive_result,
    index: usize,
) -> *const c_char {
    // SAFETY: `result` is NULL or alive, and nothing writes to it during the call (the header,
    // CONVENTIONS).
    let result = unsafe { result.as_ref() };
    c_pointer(result.and_then(|result| result.0.user_id(index)))
}

/// What the service's code for the id at an index was, such as "15000418". Borrowed from the
/// result; NULL where the service named none, beyond the last index, and for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_result_service_code(
    result: *const koodrive_result,
    index: usize,
) -> *const c_char {
    // SAFETY: `result` is NULL or alive, and nothing writes to it during the call (the header,
    // CONVENTIONS).
    let result = unsafe { result.as_ref() };
    c_pointer(result.and_then(|result| result.0.service_code(index)))
}

/// Why the id at an index has its outcome, in words: the service's, or the library's where the
/// service said nothing. Borrowed from the result; NULL where there is nothing to say, beyond the
/// last index, and for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_result_message(
    result: *const koodrive_result,
    index: usize,
) -> *const c_char {
    // SAFETY: `result` is NULL or alive, and nothing writes to it during the call (the header,
    // CONVENTIONS).
    let result = unsafe { result.as_ref() };
    c_pointer(result.and_then(|result| result.0.message(index)))
}

/// A new plan of what a next run should take up: ids that are NOT_SENT, and those that are UNKNOWN or
/// REJECTED for a reason that may be otherwise the next time. Left out are those of which the
/// service itself said that it won't delete them: in its list of failed ids, with any code but
/// "15000424", or by HTTP 400 with code 13000102 for the id alone. Users are filled in. The plan
/// remembers which ids are UNKNOWN, as by koodrive_plan_mark_tried(). It may be empty. The caller frees it
/// with koodrive_plan_free(). NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_result_unfinished(
    result: *const koodrive_result,
) -> *mut koodrive_plan {
    // SAFETY: `result` is NULL or alive, and nothing writes to it during the call (the header,
    // CONVENTIONS).
    let result = unsafe { result.as_ref() };
    guard(ptr::null_mut(), || {
        let plan = result.and_then(|result| result.0.unfinished().ok());
        plan.map_or(ptr::null_mut(), |plan| into_handle(koodrive_plan(plan)))
    })
}

/// Hands out all outcomes as a table, through the Arrow C stream interface, which many data tools take.
///
/// Its columns are utf8, a row an id in the order of the plan: "user_id", "device_id", "scope_id", "outcome" (as
/// koodrive_outcome_name() says it), and "service_code" and "message", which are null where there is none. A batch has
/// at most a million rows; a result without ids has no batch.
///
/// out: becomes the stream, which the caller releases by its own function, or hands to who does; what it held before
/// is not released. The stream keeps what it needs, so that the result may be freed first. It may be used on any
/// thread, by one at a time, and copies a batch when it is asked for it.
///
/// Returns KOODRIVE_ERROR_INVALID_ARGUMENT if result or out is NULL; out is a released stream then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_result_to_arrow(
    result: *const koodrive_result,
    out: *mut ArrowArrayStream,
    error: *mut *mut koodrive_error,
) -> koodrive_status {
    // SAFETY: `result` is NULL or alive, and nothing writes to it during the call; `out` is NULL or a place for a
    // stream; `error` is NULL or a place for a pointer (the header, CONVENTIONS).
    unsafe {
        write_out(out, ArrowArrayStream::RELEASED);
        guard_status(error, || {
            let report = Arc::clone(&required("result", result)?.0);
            let out = required_mut("out", out)?;
            *out = arrow::export(report);
            Ok(())
        })
    }
}

/// Frees a result, and with it all texts that were borrowed from it. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn koodrive_result_free(result: *mut koodrive_result) {
    // SAFETY: `result` is NULL, or came from `into_handle` and is given back here, once: nobody
    // uses it any more.
    guard((), || unsafe { free(result) });
}

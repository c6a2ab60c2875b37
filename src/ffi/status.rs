//! Numbers with names: statuses and outcomes.

use std::ffi::{CStr, c_char};

use crate::report::Outcome;

/// What a function says of itself: KOODRIVE_OK or one of KOODRIVE_ERROR_.... A later library may
/// return a number that is not listed here; treat it as an error.
pub type koodrive_status = i32;

/// All went well. Of a delete call: every id got its outcome from a response of the service that
/// reports success, or repeats an id before it. Single ids may still have failed.
pub const KOODRIVE_OK: koodrive_status = 0;

/// An argument breaks a rule, which the error's message names. Nothing was sent, nothing changed.
pub const KOODRIVE_ERROR_INVALID_ARGUMENT: koodrive_status = 1;

/// The service does not accept the authorization (HTTP 401): the token has expired or is wrong, or
/// the signature is. Set a new token and run koodrive_result_unfinished().
pub const KOODRIVE_ERROR_UNAUTHORIZED: koodrive_status = 2;

/// No connection to the service, or it was lost: name, network, proxy or certificate.
pub const KOODRIVE_ERROR_UNREACHABLE: koodrive_status = 3;

/// The run timeout passed, or the last attempt of a request ran into the request timeout.
pub const KOODRIVE_ERROR_TIMED_OUT: koodrive_status = 4;

/// koodrive_monitor_cancel() was called before all was done.
pub const KOODRIVE_ERROR_CANCELLED: koodrive_status = 5;

/// The service refused a request as a whole, or failed to carry it out (HTTP 4xx, 5xx, or 200 with
/// an error code).
pub const KOODRIVE_ERROR_SERVICE: koodrive_status = 6;

/// What came back can't be understood or trusted as a response of the service.
pub const KOODRIVE_ERROR_INVALID_RESPONSE: koodrive_status = 7;

/// A bug in this library. The outcomes that are reported are true all the same.
pub const KOODRIVE_ERROR_INTERNAL: koodrive_status = 8;

/// The journal can't be written: nothing more was sent. See koodrive_client_delete_plan_journaled().
pub const KOODRIVE_ERROR_JOURNAL: koodrive_status = 9;

/// What is known of one id: one of KOODRIVE_OUTCOME_.... A later library may report a number that is not
/// listed here.
pub type koodrive_outcome = i32;

/// The service never got a whole request with the id, in this run or one before. May still exist.
pub const KOODRIVE_OUTCOME_NOT_SENT: koodrive_outcome = 0;

/// The service said that this run deleted it. Does not exist now.
pub const KOODRIVE_OUTCOME_DELETED: koodrive_outcome = 1;

/// The service said that it does not exist, and no earlier try can have deleted it: none of this run, and
/// none of a run before that the plan knows of, see koodrive_plan_mark_tried(). A proxy that repeats
/// requests by itself may have: of that nobody tells the library.
pub const KOODRIVE_OUTCOME_NOT_FOUND: koodrive_outcome = 2;

/// The id stands earlier in the plan for the same user and device: it was not sent again, and its
/// message names the index that it repeats. Its service code is "15000424", the API reference's for a
/// repeated id.
pub const KOODRIVE_OUTCOME_DUPLICATE: koodrive_outcome = 3;

/// The service refused it and did not delete it; service code and message say why. May still
/// exist.
pub const KOODRIVE_OUTCOME_REJECTED: koodrive_outcome = 4;

/// It does not exist now, but an earlier try, of this run or one before, was left without a response:
/// whether that try deleted it or somebody else did is not known.
pub const KOODRIVE_OUTCOME_GONE: koodrive_outcome = 5;

/// It was sent, by this run or one before, and no trustworthy response came: it may or may not be deleted.
/// Asking again is safe.
pub const KOODRIVE_OUTCOME_UNKNOWN: koodrive_outcome = 6;

const UNDEFINED: &CStr = c"UNDEFINED";

/// A status's name, such as "INVALID_ARGUMENT" or "OK"; "UNDEFINED" for a number that is none.
/// Static: never free it.
#[unsafe(no_mangle)]
pub extern "C" fn koodrive_status_name(status: koodrive_status) -> *const c_char {
    let name = match status {
        KOODRIVE_OK => c"OK",
        KOODRIVE_ERROR_INVALID_ARGUMENT => c"INVALID_ARGUMENT",
        KOODRIVE_ERROR_UNAUTHORIZED => c"UNAUTHORIZED",
        KOODRIVE_ERROR_UNREACHABLE => c"UNREACHABLE",
        KOODRIVE_ERROR_TIMED_OUT => c"TIMED_OUT",
        KOODRIVE_ERROR_CANCELLED => c"CANCELLED",
        KOODRIVE_ERROR_SERVICE => c"SERVICE",
        KOODRIVE_ERROR_INVALID_RESPONSE => c"INVALID_RESPONSE",
        KOODRIVE_ERROR_INTERNAL => c"INTERNAL",
        KOODRIVE_ERROR_JOURNAL => c"JOURNAL",
        _ => UNDEFINED,
    };
    name.as_ptr()
}

/// An outcome's name, such as "NOT_FOUND"; "UNDEFINED" for a number that is none. Static: never
/// free it.
#[unsafe(no_mangle)]
pub extern "C" fn koodrive_outcome_name(outcome: koodrive_outcome) -> *const c_char {
    let name = Outcome::from_number(outcome).map_or(UNDEFINED, Outcome::c_name);
    name.as_ptr()
}

/// What an outcome says of an id that another run may have sent too, before this one or at the same time:
/// NOT_FOUND becomes GONE, for the other run may have deleted it; NOT_SENT and REJECTED become UNKNOWN. All
/// others stay, as does a number that is none. For whoever divides ids among processes and can't rule out that
/// two of them got the same; a plan whose ids were tried before knows it by koodrive_plan_mark_tried().
#[unsafe(no_mangle)]
pub extern "C" fn koodrive_outcome_if_tried(outcome: koodrive_outcome) -> koodrive_outcome {
    Outcome::from_number(outcome).map_or(outcome, |known| known.if_tried() as i32)
}

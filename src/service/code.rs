//! The service's codes that the API reference gives a meaning.

/// The lists of the response are what happened.
pub(crate) const SUCCESS: &str = "0";
/// The request's parameters are wrong.
pub(crate) const BAD_PARAMETER: &str = "13000102";
/// The id does not exist.
pub(crate) const NOT_FOUND: &str = "15000418";
/// The id was asked for repeatedly.
pub(crate) const DUPLICATE: &str = "15000424";

/// Whether a code has one of these meanings. Then it is no secret, whatever secret looks like it.
pub(super) fn is_known(code: &str) -> bool {
    [SUCCESS, BAD_PARAMETER, NOT_FOUND, DUPLICATE].contains(&code)
}

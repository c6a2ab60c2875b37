//! What the service allows, where more than one module has to keep to it.

use crate::error::Error;

/// The most ids that the service takes in one request (the API reference's limit).
pub(crate) const MAX_IDS_PER_REQUEST: usize = 100;

/// A longer header value is refused by common servers, which allow 8 KiB a line.
const MAX_HEADER_VALUE_BYTES: usize = 8_000;

/// The rule for what travels as a header value (RFC 9110, 5.5). The message never shows it.
pub(crate) fn check_header_value(argument: &str, value: &str) -> Result<(), Error> {
    let broken = if value.is_empty() {
        "must not be empty"
    } else if value.len() > MAX_HEADER_VALUE_BYTES {
        "must not be longer than 8000 bytes"
    } else if value.chars().any(char::is_control) {
        "must not hold control characters, such as a line end"
    } else if value.starts_with(' ') || value.ends_with(' ') {
        "must not begin or end with a space"
    } else {
        return Ok(());
    };
    Err(Error::invalid(format!("{argument}: {broken}")))
}

const MAX_MODULE_CODE_BYTES: usize = 16;

/// The rule for module codes. The service may add one to those that are known.
pub(crate) fn check_module_code(module: &str) -> Result<(), Error> {
    let fits = (1..=MAX_MODULE_CODE_BYTES).contains(&module.len());
    if fits && module.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    Err(Error::invalid(
        "module_code: must be 1 to 16 visible ASCII characters, such as \"101\"",
    ))
}

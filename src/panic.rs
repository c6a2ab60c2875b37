//! Panics are bugs of ours and must not harm the host: they are caught and print nothing.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook, take_hook};

use once_cell::sync::OnceCell;

type Hook = Box<dyn Fn(&PanicHookInfo<'_>) + Send + Sync>;

thread_local! {
    static CATCHING: Cell<bool> = const { Cell::new(false) };
}

/// A panic was caught.
#[derive(Debug)]
pub(crate) struct Panicked;

/// Runs `body` and catches its panic, silently. What `body` was changing may be left half changed:
/// the caller must only use what stays true then.
pub(crate) fn catch<T>(body: impl FnOnce() -> T) -> Result<T, Panicked> {
    silence_caught_panics();
    let outer = CATCHING.replace(true);
    let result = catch_unwind(AssertUnwindSafe(body));
    CATCHING.set(outer);
    result.map_err(|_| Panicked)
}

/// The hook prints before anything can be caught. This one leaves all panics but ours to the hook
/// that was there; in the shared library, whose Rust runtime is its own, there are only ours.
fn silence_caught_panics() {
    static PREVIOUS: OnceCell<Hook> = OnceCell::new();
    PREVIOUS.get_or_init(|| {
        let previous = take_hook();
        set_hook(Box::new(|panic| {
            if let Some(previous) = PREVIOUS.get().filter(|_| !CATCHING.get()) {
                previous(panic);
            }
        }));
        previous
    });
}

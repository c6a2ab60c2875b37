//! What the service lists: a user's devices, a device's scopes.

mod devices;
mod scopes;
mod texts;

pub(crate) use devices::Device;
pub use devices::Devices;
pub(crate) use scopes::Scope;
pub use scopes::Scopes;

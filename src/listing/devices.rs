//! A user's devices.

use std::ffi::CStr;

use super::texts::TextRows;
use crate::error::Error;

/// A user's devices, in the service's order.
#[derive(Clone, Debug, Default)]
pub struct Devices(TextRows<5>);

/// What the service says of a device.
pub(crate) struct Device<'a> {
    pub(crate) id: &'a str,
    pub(crate) name: Option<&'a str>,
    pub(crate) os: Option<&'a str>,
    pub(crate) machine_code: Option<&'a str>,
    pub(crate) created_at: Option<&'a str>,
}

impl Devices {
    /// Adds a device, whose id a plan accepts.
    pub(crate) fn push(&mut self, device: &Device<'_>) -> Result<(), Error> {
        let texts = [
            Some(device.id),
            device.name,
            device.os,
            device.machine_code,
            device.created_at,
        ];
        self.0.push(texts)
    }

    pub(crate) fn truncate(&mut self, count: usize) {
        self.0.truncate(count);
    }

    /// How many devices there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The id of the device at an index.
    pub fn device_id(&self, index: usize) -> Option<&CStr> {
        self.0.get_c(index, 0)
    }

    /// What its user called it.
    pub fn name(&self, index: usize) -> Option<&CStr> {
        self.0.get_c(index, 1)
    }

    /// Its operating system.
    pub fn os(&self, index: usize) -> Option<&CStr> {
        self.0.get_c(index, 2)
    }

    /// Its machine code.
    pub fn machine_code(&self, index: usize) -> Option<&CStr> {
        self.0.get_c(index, 3)
    }

    /// When it was bound, as the service writes it.
    pub fn created_at(&self, index: usize) -> Option<&CStr> {
        self.0.get_c(index, 4)
    }
}

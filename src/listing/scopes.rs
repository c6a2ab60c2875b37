//! A device's scopes.

use std::ffi::CStr;

use super::texts::TextRows;
use crate::error::Error;

/// Scopes of a device, in the service's order, module by module.
#[derive(Clone, Debug)]
pub struct Scopes {
    user: String,
    device: String,
    texts: TextRows<5>,
}

/// What the service says of a scope.
pub(crate) struct Scope<'a> {
    pub(crate) id: &'a str,
    pub(crate) module_code: Option<&'a str>,
    pub(crate) local_path: Option<&'a str>,
    pub(crate) target_folder_path: Option<&'a str>,
    pub(crate) created_at: Option<&'a str>,
}

impl Scopes {
    /// None yet, of a device of a user.
    pub(crate) fn new(user: &str, device: &str) -> Self {
        Self {
            user: user.to_owned(),
            device: device.to_owned(),
            texts: TextRows::default(),
        }
    }

    /// Adds a scope, whose id a plan accepts.
    pub(crate) fn push(&mut self, scope: &Scope<'_>) -> Result<(), Error> {
        let texts = [
            Some(scope.id),
            scope.module_code,
            scope.local_path,
            scope.target_folder_path,
            scope.created_at,
        ];
        self.texts.push(texts)
    }

    pub(crate) fn truncate(&mut self, count: usize) {
        self.texts.truncate(count);
    }

    /// Whose device it is.
    pub fn user_id(&self) -> &str {
        &self.user
    }

    /// Whose scopes they are.
    pub fn device_id(&self) -> &str {
        &self.device
    }

    /// How many scopes there are.
    pub fn count(&self) -> usize {
        self.texts.len()
    }

    /// The ids of all.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> + Clone {
        (0..self.count()).filter_map(|index| self.texts.get(index, 0))
    }

    /// The id of the scope at an index.
    pub fn scope_id(&self, index: usize) -> Option<&CStr> {
        self.texts.get_c(index, 0)
    }

    /// What it holds: "100" folders, "101" an album, "102" an address book.
    pub fn module_code(&self, index: usize) -> Option<&CStr> {
        self.texts.get_c(index, 1)
    }

    /// What is backed up, on the device.
    pub fn local_path(&self, index: usize) -> Option<&CStr> {
        self.texts.get_c(index, 2)
    }

    /// Where it is backed up to.
    pub fn target_folder_path(&self, index: usize) -> Option<&CStr> {
        self.texts.get_c(index, 3)
    }

    /// When it was added, as the service writes it.
    pub fn created_at(&self, index: usize) -> Option<&CStr> {
        self.texts.get_c(index, 4)
    }
}

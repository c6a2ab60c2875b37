//! Whose journal it is.

use ring::digest;

use crate::plan::Plan;

/// Whose journal it is.
pub(crate) struct Owner<'a> {
    pub(crate) endpoint: &'a str,
    pub(crate) plan: &'a Plan,
    pub(crate) default_user: &'a str,
}

impl Owner<'_> {
    /// What tells a plan from others: its ids in order, and before each whose user or device is another than
    /// that of the one before, these.
    pub(super) fn plan_hash(&self) -> String {
        let mut context = digest::Context::new(&digest::SHA256);
        let mut before = None;
        for section in self.plan.sections() {
            let user = section.user.unwrap_or(self.default_user);
            let whose = Some((user, section.device));
            if before != whose {
                for text in ["\u{1}", user, "\0", section.device, "\0"] {
                    context.update(text.as_bytes());
                }
                before = whose;
            }
            context.update(self.plan.lines(section.positions).as_bytes());
        }
        let digest = context.finish();
        digest
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

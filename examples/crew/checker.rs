//! The checker looks at every answer before it counts.

use std::sync::Arc;

use callboard::prelude::*;

use crate::analysis::Analysis;
use crate::analyst::Page;
use crate::check::{Invalid, check};

/// An answer to check. One that can be right comes back.
pub(crate) struct Check {
    pub(crate) page: Arc<Page>,
    pub(crate) analysis: Analysis,
    pub(crate) reply_to: Reply<Result<Analysis, Invalid>>,
}

/// See the module.
pub(crate) struct Checker;

impl Actor for Checker {
    type Msg = Check;

    async fn handle(&mut self, msg: Check, _cx: &mut Context<Self>) -> Result<(), BoxError> {
        let Check {
            page,
            analysis,
            reply_to,
        } = msg;
        reply_to.send(check(&page.text, &analysis).map(|()| analysis));
        Ok(())
    }
}

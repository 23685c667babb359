//! State machines as mermaid state diagrams.

use std::fmt::Write;

use super::rules::{Activity, RegionRules, StateRules};
use crate::coordination::drawing::escaped_with;

impl RegionRules {
    pub(super) fn mermaid(&self) -> String {
        let mut text = String::from("stateDiagram-v2\n");
        self.draw("s", 1, &mut text);
        text
    }

    fn draw(&self, prefix: &str, depth: usize, text: &mut String) {
        let indent = "    ".repeat(depth);
        for (at, state) in self.states.iter().enumerate() {
            let name = escaped(&state.name);
            let regions = state.activity.regions();
            let _ = write!(text, "{indent}state \"{name}\" as {prefix}{at}");
            text.push_str(if regions.is_empty() { "\n" } else { " {\n" });
            for (region, inside) in regions.iter().enumerate() {
                if region > 0 {
                    let _ = writeln!(text, "{indent}    --");
                }
                inside.draw(&format!("{prefix}{at}_{region}_"), depth + 1, text);
            }
            if !regions.is_empty() {
                let _ = writeln!(text, "{indent}}}");
            }
        }
        let _ = writeln!(text, "{indent}[*] --> {prefix}0");
        for (at, state) in self.states.iter().enumerate() {
            for (to, words) in state.arrows() {
                let to = to.map_or("[*]".into(), |to| format!("{prefix}{to}"));
                let words = words.map(|words| format!(" : {}", escaped(&words)));
                let words = words.unwrap_or_default();
                let _ = writeln!(text, "{indent}{prefix}{at} --> {to}{words}");
            }
        }
    }
}

impl StateRules {
    /// Where it goes, in words; an end goes nowhere.
    fn arrows(&self) -> Vec<(Option<usize>, Option<String>)> {
        match self.activity {
            Activity::Ends => return vec![(None, None)],
            Activity::Fails => return vec![(None, Some("failure".into()))],
            _ => {}
        }
        let ways = self.onward.ways.iter().map(|way| {
            let words = match &way.guard {
                Some(guard) => Some(guard.to_string()),
                None => (self.onward.ways.len() > 1).then(|| "otherwise".into()),
            };
            (Some(way.to), words)
        });
        let failure = self
            .onward
            .on_failure
            .map(|to| (Some(to), Some("fails".into())));
        let timeout = self.onward.within;
        let timeout = timeout.map(|(limit, to)| (Some(to), Some(format!("after {limit:?}"))));
        let visits = self.onward.visits.and_then(|visits| {
            let words = format!("entered {} times before", visits.at_most);
            Some((Some(visits.or?), Some(words)))
        });
        ways.chain(failure).chain(timeout).chain(visits).collect()
    }
}

/// A colon begins a label, and a semicolon ends a statement.
fn escaped(text: &str) -> String {
    escaped_with(text, |c| match c {
        ':' => Some("#58;"),
        ';' => Some("#59;"),
        _ => None,
    })
}

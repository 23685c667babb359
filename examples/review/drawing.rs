//! The picture of what ran: the patterns draw themselves, with how many files went
//! through each of their workers, and stand side by side in one flowchart.

use callboard::prelude::*;

use crate::duplicates::SHARDS;
use crate::line::{comparison, panel, way};
use crate::report::Report;
use crate::reviewers::Duty;

/// The picture of this review.
pub(crate) fn of(report: &Report) -> String {
    let files = &report.files;
    let pages = files.reviewed;
    let read = format!("read: {} files", files.found);
    let review = format!("review: {pages} files");
    let reviewers = Duty::ALL.map(|duty| nobody(format!("{}: {pages} files", duty.name())));
    let shards = if report.compared { SHARDS } else { 0 };
    let comparers = nobody(format!("compare: {shards} parts"));
    let way = way(
        (&read, nobody(String::new())),
        (&review, nobody(String::new())),
    );
    side_by_side(&[
        ("each file", way.mermaid()),
        ("review", panel(reviewers).mermaid()),
        ("all files together", comparison(comparers).mermaid()),
    ])
}

/// Somebody who is only drawn.
fn nobody<In: Send + 'static, Out: Send + 'static>(name: String) -> WorkerRef<In, Out> {
    WorkerRef::from_fn(name, |_| async {
        Err(Fault::permanent("it is only drawn"))
    })
}

/// Several flowcharts in one. The second is what the last step of the first looks
/// like inside; the third goes on where the first ends.
fn side_by_side(charts: &[(&str, String)]) -> String {
    let mut all = String::from("flowchart LR\n");
    for (at, (title, chart)) in charts.iter().enumerate() {
        all += &format!("    subgraph p{at}[\"{title}\"]\n");
        for line in chart.lines().skip(1) {
            all += &format!("    {}\n", prefixed(line, at));
        }
        all += "    end\n";
    }
    all + "    p0_w1 -. is .-> p1\n    p0_output --> p2_input\n"
}

/// A line of a flowchart, with its identifiers made those of this part.
fn prefixed(line: &str, part: usize) -> String {
    let line = line.trim();
    match line.split_once(" --> ") {
        Some((from, to)) => format!("    p{part}_{from} --> p{part}_{to}"),
        None => format!("    p{part}_{line}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charts_stand_side_by_side_without_touching_each_other() {
        let chart = "flowchart LR\n    input([input])\n    w0[\"a\"]\n    input --> w0\n";
        let all = side_by_side(&[("one", chart.to_owned()), ("two", chart.to_owned())]);
        for line in [
            "flowchart LR",
            "    subgraph p1[\"two\"]",
            "        p0_input([input])",
            "        p1_w0[\"a\"]",
            "        p1_input --> p1_w0",
        ] {
            assert!(all.lines().any(|other| other == line), "{line} in {all}");
        }
    }
}

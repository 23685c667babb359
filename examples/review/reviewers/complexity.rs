//! Complexity, measured alike in all languages, from words, braces and
//! indentation: it finds the functions that are worth a look, and proves nothing.
//!
//! - *Length*: lines from a function's header to its end, blank ones included.
//! - *Branches*: words at which a path divides (`if`, `for`, `while`, `case`,
//!   `catch`, an arm's `=>` in Rust) and `&&`, `||`, `and`, `or`. Close to McCabe's
//!   number less one.
//! - *Depth*: blocks inside each other, not counting the function's own.
//!
//! A function is what has a name and a body. Closures count for the function around
//! them, functions in functions for both.

use crate::finding::{Finding, Findings, Rule};
use crate::language::Language;
use crate::page::Complexity;
use crate::source::{Line, words};

const LONGEST_FILE: u32 = 800;
const LONGEST_FUNCTION: u32 = 80;
const MOST_BRANCHES: u32 = 20;
const DEEPEST: u32 = 5;

/// A function with its measures.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Function {
    name: String,
    first: u32,
    lines: u32,
    branches: u32,
    depth: u32,
    /// Where it is deepest.
    deepest: u32,
    /// Blocks, or columns, around its body.
    outside: u32,
}

impl Function {
    fn new(name: &str, first: u32, outside: u32) -> Self {
        Self {
            name: name.to_owned(),
            first,
            lines: 0,
            branches: 0,
            depth: 0,
            deepest: first,
            outside,
        }
    }

    fn reach(&mut self, depth: u32, line: u32) {
        if depth > self.depth {
            (self.depth, self.deepest) = (depth, line);
        }
    }
}

pub(super) fn review(language: Language, lines: &[Line<'_>]) -> (Complexity, Vec<Finding>) {
    let functions = match language.is_indented() {
        true => by_indentation(lines),
        false => by_braces(language, lines),
    };
    let mut found = Findings::default();
    let length = u32::try_from(lines.len()).unwrap_or(u32::MAX);
    if length > LONGEST_FILE {
        found.add(Rule::LongFile, 1, format!("{length} lines"));
    }
    for function in &functions {
        let name = &function.name;
        if function.lines > LONGEST_FUNCTION {
            let message = format!("`{name}` has {} lines", function.lines);
            found.add(Rule::LongFunction, function.first, message);
        }
        if function.branches > MOST_BRANCHES {
            let message = format!("`{name}` has {} branches", function.branches);
            found.add(Rule::ManyBranches, function.first, message);
        }
        if function.depth > DEEPEST {
            let message = format!("`{name}` is {} blocks deep here", function.depth);
            found.add(Rule::DeepNesting, function.deepest, message);
        }
    }
    let most = |of: fn(&Function) -> u32| functions.iter().map(of).max().unwrap_or(0);
    let measures = Complexity {
        functions: u32::try_from(functions.len()).unwrap_or(u32::MAX),
        longest: most(|function| function.lines),
        branches: most(|function| function.branches),
        depth: most(|function| function.depth),
    };
    (measures, found.finish())
}

fn is_branch(word: &str, language: Language) -> bool {
    match word {
        "if" | "for" | "while" | "&&" | "||" => true,
        "elif" | "except" | "and" | "or" => language == Language::Python,
        "case" | "catch" => language != Language::Python,
        "=>" => language == Language::Rust,
        _ => false,
    }
}

fn by_braces(language: Language, lines: &[Line<'_>]) -> Vec<Function> {
    let mut done = Vec::new();
    let mut open: Vec<Function> = Vec::new();
    let mut depth: u32 = 0;
    // The words since the last brace or semicolon, and where they begin.
    let mut statement: Vec<&str> = Vec::new();
    let mut began = 1;
    for (number, line) in (1..).zip(lines) {
        for word in words(&line.code) {
            if is_branch(word, language) {
                for function in &mut open {
                    function.branches += 1;
                }
            }
            match word {
                "{" => {
                    depth += 1;
                    if let Some(name) = header(language, &statement) {
                        open.push(Function::new(name, began, depth));
                    }
                    for function in &mut open {
                        function.reach(depth - function.outside, number);
                    }
                }
                "}" => {
                    if let Some(ended) = open.pop_if(|function| function.outside == depth) {
                        let lines = number - ended.first + 1;
                        done.push(Function { lines, ..ended });
                    }
                    depth = depth.saturating_sub(1);
                }
                _ => {}
            }
            if matches!(word, "{" | "}" | ";") {
                statement.clear();
            } else {
                if statement.is_empty() {
                    began = number;
                }
                statement.push(word);
            }
        }
    }
    done.sort_by_key(|function| function.first);
    done
}

/// The name of the function whose body begins after these words.
fn header<'a>(language: Language, statement: &[&'a str]) -> Option<&'a str> {
    let after = |keyword: &str| {
        let at = statement.iter().position(|word| *word == keyword)?;
        let rest = &statement[at + 1..];
        // Go's receiver.
        let skip = match rest.first() {
            Some(&"(") => rest.iter().position(|word| *word == ")")? + 1,
            _ => 0,
        };
        rest[skip..].iter().find(|word| **word != "*").copied()
    };
    let name = match language {
        Language::Rust => after("fn"),
        Language::Go => after("func"),
        Language::JavaScript if statement.contains(&"function") => after("function"),
        Language::JavaScript if statement.contains(&"=>") => {
            ["const", "let", "var"].iter().find_map(|word| after(word))
        }
        _ => before_parenthesis(statement),
    };
    name.filter(|name| name.starts_with(|c: char| c.is_alphabetic() || c == '_'))
}

/// In `int add(int a, int b)` the name is before the first parenthesis, unless the
/// words say something else than that there is a function.
fn before_parenthesis<'a>(statement: &[&'a str]) -> Option<&'a str> {
    const NO_FUNCTION: [&str; 19] = [
        "if",
        "for",
        "while",
        "switch",
        "catch",
        "else",
        "do",
        "return",
        "new",
        "class",
        "struct",
        "enum",
        "interface",
        "namespace",
        "record",
        "using",
        "lock",
        "when",
        "=",
    ];
    let at = statement.iter().position(|word| *word == "(")?;
    let is_other = statement[..at]
        .iter()
        .any(|word| NO_FUNCTION.contains(word));
    let name = statement[..at].last()?;
    (!is_other).then_some(*name)
}

fn by_indentation(lines: &[Line<'_>]) -> Vec<Function> {
    let mut done = Vec::new();
    let mut open: Vec<(Function, Option<usize>)> = Vec::new();
    let mut last = 0;
    let mut end = |(mut function, _): (Function, Option<usize>), last: u32| {
        function.lines = last - function.first + 1;
        done.push(function);
    };
    for (number, line) in (1..).zip(lines) {
        let words = words(&line.code);
        // Blank lines, comments and the ends of brackets say nothing by where
        // they begin; neither do the insides of strings.
        let says_nothing = matches!(words.first(), None | Some(&(")" | "]" | "}" | "\"")));
        if says_nothing {
            continue;
        }
        let indent = line.indent();
        while let Some(ended) = open.pop_if(|it| indent <= it.0.outside as usize) {
            end(ended, last);
        }
        last = number;
        for (function, body) in &mut open {
            let outside = function.outside as usize;
            let unit = *body.get_or_insert(indent) - outside;
            let depth = (indent - outside) / unit.max(1);
            function.reach(u32::try_from(depth.saturating_sub(1)).unwrap_or(0), number);
            let branches = words
                .iter()
                .filter(|word| is_branch(word, Language::Python));
            function.branches += u32::try_from(branches.count()).unwrap_or(u32::MAX);
        }
        let name = match words[..] {
            ["def", name, ..] | ["async", "def", name, ..] => name,
            _ => continue,
        };
        let outside = u32::try_from(indent).unwrap_or(u32::MAX);
        open.push((Function::new(name, number, outside), None));
    }
    while let Some(ended) = open.pop() {
        end(ended, last);
    }
    done.sort_by_key(|function| function.first);
    done
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::lines;

    fn functions(language: Language, text: &str) -> Vec<(String, u32, u32, u32, u32)> {
        let lines = lines(text, language);
        let functions = match language.is_indented() {
            true => by_indentation(&lines),
            false => by_braces(language, &lines),
        };
        let of = |f: Function| (f.name, f.first, f.lines, f.branches, f.depth);
        functions.into_iter().map(of).collect()
    }

    fn wanted(name: &str, numbers: [u32; 4]) -> (String, u32, u32, u32, u32) {
        let [first, lines, branches, depth] = numbers;
        (name.to_owned(), first, lines, branches, depth)
    }

    #[test]
    fn rust_functions_are_measured() {
        let text = "impl A {\n    pub fn a(x: u8) -> u8\n    where\n        X: Y,\n    {\n        \
                    if x && y {\n            match x {\n                1 => {}\n                \
                    _ => b(),\n            }\n        }\n    }\n}\nfn empty() {}\ntrait T { fn no(); }\n";
        assert_eq!(
            functions(Language::Rust, text),
            [wanted("a", [2, 11, 4, 3]), wanted("empty", [14, 1, 0, 0])]
        );
    }

    #[test]
    fn other_languages_with_braces_are_measured() {
        let c = "static int add(int a)\n{\n  if (a) { for (;;) { } }\n  return a;\n}\nstruct S { int x; };\nint v[] = { f(1) };\n";
        assert_eq!(functions(Language::C, c), [wanted("add", [1, 5, 2, 2])]);
        let go = "func (s *Server) Run(x int) error {\n\tgo func() { if x { } }()\n}\n";
        assert_eq!(functions(Language::Go, go), [wanted("Run", [1, 3, 1, 2])]);
        let js = "export function a() {}\nconst b = (x) => {\n  if (x) {}\n};\nclass C { m(x) { return x; } }\n";
        let names = functions(Language::JavaScript, js);
        let names: Vec<_> = names.into_iter().map(|f| f.0).collect();
        assert_eq!(names, ["a", "b", "m"]);
    }

    #[test]
    fn python_functions_are_measured_by_indentation() {
        let text = "class A:\n    def a(self, x):\n        \"\"\"Doc.\"\"\"\n        if x and y:\n            \
                    for z in x:\n                pass\n\n        return x\n\nasync def b():\n    pass\n\nx = 1\n";
        assert_eq!(
            functions(Language::Python, text),
            [wanted("a", [2, 7, 3, 2]), wanted("b", [10, 2, 0, 0])]
        );
    }

    #[test]
    fn what_is_too_much_is_found_where_it_is() {
        let deep = format!(
            "fn f() {{\n{}{}\n}}\n",
            "if x {\n".repeat(25),
            "}".repeat(25)
        );
        let (measures, found) = review(Language::Rust, &lines(&deep, Language::Rust));
        let found: Vec<_> = found.iter().map(|it| (it.rule, it.line)).collect();
        assert_eq!(found, [(Rule::ManyBranches, 1), (Rule::DeepNesting, 26)]);
        assert_eq!((measures.branches, measures.depth), (25, 25));
    }

    #[test]
    fn braces_that_do_not_match_do_no_harm() {
        assert!(functions(Language::C, "}}} int f() { {").is_empty());
        assert!(functions(Language::Python, "    def").is_empty());
    }
}

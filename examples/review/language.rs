//! Which language a file is in, by its name, and what that means for reading it.

use serde::Serialize;

/// A language, or a family of languages that are read alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Language {
    Rust,
    Python,
    /// And TypeScript.
    JavaScript,
    Go,
    /// C and C++, which say nowhere in a line what is public.
    C,
    /// Java, C#, Kotlin, Swift, Scala.
    Java,
    /// Text for people: only what holds for any text is looked at.
    Prose,
    /// Any other text: settings, data, scripts.
    Other,
}

impl Language {
    pub(crate) fn of(name: &str) -> Self {
        let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
        let end = file.rsplit_once('.').map_or("", |(_, end)| end);
        match end {
            "rs" => Language::Rust,
            "py" | "pyi" => Language::Python,
            "js" | "jsx" | "mjs" | "cjs" | "ts" | "tsx" | "mts" => Language::JavaScript,
            "go" => Language::Go,
            "c" | "h" | "cc" | "cpp" | "cxx" | "hh" | "hpp" | "hxx" => Language::C,
            "java" | "cs" | "kt" | "kts" | "swift" | "scala" => Language::Java,
            "md" | "markdown" | "txt" | "rst" | "adoc" | "tex" => Language::Prose,
            _ => Language::Other,
        }
    }

    /// Whether it is a programming language that the reviewers know.
    pub(crate) fn is_source(self) -> bool {
        !matches!(self, Language::Prose | Language::Other)
    }

    /// Whether indentation says what belongs together, rather than braces.
    pub(crate) fn is_indented(self) -> bool {
        self == Language::Python
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Language::Rust => "Rust",
            Language::Python => "Python",
            Language::JavaScript => "JavaScript, TypeScript",
            Language::Go => "Go",
            Language::C => "C, C++",
            Language::Java => "Java and the like",
            Language::Prose => "prose",
            Language::Other => "other text",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_language() {
        assert_eq!(Language::of("src/a.rs"), Language::Rust);
        assert_eq!(Language::of("a.b/Makefile"), Language::Other);
        assert_eq!(Language::of("README.md"), Language::Prose);
        assert!(!Language::of("rs").is_source());
    }
}

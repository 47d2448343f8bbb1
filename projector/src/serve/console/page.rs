//! What stands around every page.

use super::lang::Lang;

/// The parts of the console, in the order of their links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    None,
    Now,
    Search,
    Pictures,
    Reads,
    Export,
    Integrity,
}

/// What stands around a page.
pub(super) struct Page {
    pub(super) lang: Lang,
    /// The complex that it is about; empty for none.
    pub(super) complex: String,
    /// What else the auditor may read about.
    pub(super) complexes: Vec<String>,
    pub(super) section: Section,
    /// The time zone that its times are in.
    pub(super) zone: String,
    /// Its own path and query.
    pub(super) here: String,
    /// Who reads, as it is recorded.
    pub(super) reader: String,
    /// What forms bring back; empty outside of a login.
    pub(super) csrf: String,
}

/// A link to a part.
pub(super) struct Link {
    pub(super) path: &'static str,
    pub(super) text: &'static str,
    pub(super) current: bool,
}

impl Page {
    /// About no complex, for nobody in particular.
    pub(super) fn outside(lang: Lang) -> Self {
        Self {
            lang,
            complex: String::new(),
            complexes: Vec::new(),
            section: Section::None,
            zone: String::new(),
            here: String::new(),
            reader: String::new(),
            csrf: String::new(),
        }
    }

    /// The text in the page's language.
    pub(super) fn t(&self, en: &'static str, ru: &'static str) -> &'static str {
        self.lang.t(en, ru)
    }

    /// Links to the parts.
    pub(super) fn links(&self) -> Vec<Link> {
        let parts = [
            (Section::Now, "now", "Now", "Сейчас"),
            (Section::Search, "search", "Search", "Поиск"),
            (Section::Pictures, "pictures", "Pictures", "Графики"),
            (Section::Reads, "reads", "Reads", "Кто читал"),
            (Section::Export, "export", "Export", "Выгрузка"),
            (Section::Integrity, "integrity", "Integrity", "Целостность"),
        ];
        let link = |(section, path, en, ru)| Link {
            path,
            text: self.t(en, ru),
            current: section == self.section,
        };
        parts.map(link).into()
    }
}

//! The documentation names what there is.

use template::Template;

#[test]
fn the_page_on_templates_names_what_there_is() {
    let page = include_str!("../../../../docs/templates.md");
    let part = |title: &str| {
        let (_, part) = page.split_once(&format!("\n## {title}\n")).unwrap();
        part.split("\n## ").next().unwrap()
    };
    let words = |part: &str| -> Vec<String> {
        part.split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect()
    };
    let filters = words(part("Filters"));
    assert!(filters.len() > 50);
    for filter in filters {
        Template::compile(&format!("{{{{ x | {filter} }}}}")).unwrap();
    }
    for function in words(part("Functions")) {
        let text = format!("{{{{ {function} }}}}");
        let here = |template: Template| template.names().is_empty();
        let lenient = here(Template::compile(&text).unwrap());
        let strict = here(Template::compile_strict(&text).unwrap());
        assert!(lenient || strict, "{function}");
    }
    let (table, _) = page.split_once("\n## ").unwrap();
    for line in table.lines().filter(|line| line.starts_with("| `")) {
        let written = line.split(" | ").next().unwrap().replace("\\|", "|");
        for template in words(&written) {
            Template::compile_strict(&template).unwrap();
        }
    }
}

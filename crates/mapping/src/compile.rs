//! A mapping document and two schemas in; a program and diagnostics out.
//!
//! The compiler walks each rule as a value would: where it comes from, what kind it is after each
//! step, and whether that suits the target field. What it can know before a record is read, it says;
//! an error keeps the whole program from being made, warnings and hints do not.

mod demands;
pub(crate) mod flow;
pub(crate) mod names;

use std::collections::HashMap;

use compact_str::CompactString;
use model::field::{Field, FieldType, Schema};
use model::ids::SyncId;
use model::mapping::{Mapping, Origin, Rule, Step};
use model::path::{FieldPath, Segment};
use model::value::Value;

use crate::diagnostic::{Diagnostic, Fix, Severity};
use crate::expression::Expression;
use crate::fit::Fit;
use crate::program::{CompiledRule, Program, Route, Source};
use crate::transforms::{self, Built, Kinds, MAX_STEPS, StepError, reference};

use flow::Flow;
use names::Place;

/// What the records are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// New records: every required field must be filled.
    Create,
    /// Records that are there already.
    Update,
    /// Either: every required field must be filled.
    Upsert,
}

/// What came of compiling.
#[derive(Debug)]
pub struct Compiled {
    /// The program; none where a diagnostic is an error.
    pub program: Option<Program>,
    /// Findings, rule by rule.
    pub diagnostics: Vec<Diagnostic>,
}

impl Compiled {
    /// The findings that keep the mapping from running.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.severity == Severity::Error)
    }
}

/// Most rules in one mapping.
pub const MAX_RULES: usize = 2_000;

/// Checks a mapping against both schemas and makes its program.
pub fn compile(mapping: &Mapping, source: &Schema, target: &Schema, purpose: Purpose) -> Compiled {
    let mut compiler = Compiler {
        source,
        target,
        purpose,
        diagnostics: Vec::new(),
        rule: None,
        at: None,
    };
    let program = compiler.mapping(mapping);
    let failed = compiler
        .diagnostics
        .iter()
        .any(|diagnostic| diagnostic.severity == Severity::Error);
    Compiled {
        program: (!failed).then_some(program),
        diagnostics: compiler.diagnostics,
    }
}

struct Compiler<'a> {
    source: &'a Schema,
    target: &'a Schema,
    purpose: Purpose,
    diagnostics: Vec<Diagnostic>,
    /// The rule at work.
    rule: Option<usize>,
    at: Option<FieldPath>,
}

/// What a finding says besides its words.
#[derive(Default)]
struct Advice {
    step: Option<usize>,
    suggestion: Option<String>,
    fix: Option<Fix>,
}

impl Advice {
    fn words(text: impl Into<String>) -> Self {
        Self {
            suggestion: Some(text.into()),
            ..Self::default()
        }
    }

    fn with_fix(mut self, fix: Option<Fix>) -> Self {
        self.fix = fix;
        self
    }

    fn at_step(mut self, step: usize) -> Self {
        self.step = Some(step);
        self
    }
}

impl<'a> Compiler<'a> {
    fn say(
        &mut self,
        severity: Severity,
        code: &'static str,
        message: impl Into<String>,
        advice: Advice,
    ) {
        self.diagnostics.push(Diagnostic {
            severity,
            code,
            rule: self.rule,
            target: self.at.clone(),
            step: advice.step,
            message: message.into(),
            suggestion: advice.suggestion,
            fix: advice.fix,
        });
    }

    fn mapping(&mut self, mapping: &Mapping) -> Program {
        let mut program = Program {
            rules: Vec::new(),
            sources: Vec::new(),
            named: Vec::new(),
        };
        if mapping.version > model::mapping::VERSION {
            self.say(
                Severity::Error,
                "newer_version",
                format!(
                    "the mapping is of version {}, this program reads up to version {}",
                    mapping.version,
                    model::mapping::VERSION
                ),
                Advice::words("update Patchbay"),
            );
            return program;
        }
        if mapping.rules.len() > MAX_RULES {
            self.say(
                Severity::Error,
                "too_many_rules",
                format!(
                    "the mapping has {} rules; at most {MAX_RULES} are accepted",
                    mapping.rules.len()
                ),
                Advice::words("split the sync in two"),
            );
            return program;
        }
        if self.source.fields.is_empty() {
            self.say(
                Severity::Hint,
                "schema_unknown",
                "the fields of the source are not known, so paths are not checked",
                Advice::words("refresh the source's fields"),
            );
        }
        let mut seen: HashMap<&FieldPath, usize> = HashMap::new();
        for (index, rule) in mapping.rules.iter().enumerate() {
            self.rule = Some(index);
            self.at = Some(rule.target.clone());
            self.distinct(rule, &mut seen, index);
            if let Some(compiled) = self.rule(rule, &mut program.sources) {
                program.rules.push(compiled);
            }
        }
        program.named = named(&program.rules);
        self.rule = None;
        self.at = None;
        if self.purpose != Purpose::Update {
            self.required(mapping);
        }
        program
    }

    /// No field is filled twice, nor a field and a part of it.
    fn distinct<'r>(
        &mut self,
        rule: &'r Rule,
        seen: &mut HashMap<&'r FieldPath, usize>,
        index: usize,
    ) {
        let target = &rule.target;
        if let Some(first) = seen.get(target) {
            let message = format!(
                "\"{target}\" is filled twice, by rules {} and {}",
                first + 1,
                index + 1
            );
            self.say(
                Severity::Error,
                "target_twice",
                message,
                Advice::words("remove one of the rules").with_fix(Some(Fix::RemoveRule)),
            );
            return;
        }
        let other = seen
            .keys()
            .find(|other| target.starts_with(other) || other.starts_with(target))
            .map(|other| (*other).clone());
        if let Some(other) = other {
            self.say(
                Severity::Error,
                "target_overlap",
                format!("\"{target}\" and \"{other}\" overlap: one is a part of the other"),
                Advice::words("fill either the whole object or its parts")
                    .with_fix(Some(Fix::RemoveRule)),
            );
        }
        seen.insert(target, index);
    }

    fn rule(&mut self, rule: &Rule, sources: &mut Vec<FieldPath>) -> Option<CompiledRule> {
        let field = self.target_field(&rule.target);
        let origin = self.origin(rule, sources);
        let (steps, flow) =
            self.steps(rule, origin.as_ref().map(|(_, flow)| flow.clone()), sources);
        let fit = field.map_or_else(Fit::anything, Fit::new);
        if let (Some(flow), Some(field), Some(_)) = (&flow, field, &steps) {
            match &rule.origin {
                Origin::Constant { value } if rule.steps.is_empty() => {
                    self.constant(field, &fit, value);
                }
                _ => self.suits(rule, flow, field),
            }
        }
        let on_failure = self.on_failure(rule, field, &fit);
        let reference = self.reference(rule);
        let names = rule
            .target
            .segments()
            .iter()
            .filter_map(|segment| match segment {
                Segment::Name(name) => Some(name.clone()),
                Segment::Each | Segment::Index(_) => None,
            })
            .collect();
        Some(CompiledRule {
            target: rule.target.clone(),
            names,
            origin: origin?.0,
            steps: steps?,
            fit,
            on_failure,
            reference,
        })
    }

    /// The sync whose links a rule asks, which only its last step can do: nothing is known of the value after it.
    fn reference(&mut self, rule: &Rule) -> Option<SyncId> {
        let last = rule.steps.len().saturating_sub(1);
        let asks = |step: &Step| step.name == reference::NAME;
        if let Some(at) = rule.steps.iter().position(asks).filter(|at| *at < last) {
            self.say(
                Severity::Error,
                "reference_not_last",
                "no step can follow \"Linked record\": which record is meant is looked up last",
                Advice::words("move it to the end").at_step(at),
            );
        }
        reference::asked(rule)
    }

    /// The field a rule fills; none where it is free-form or something is wrong with it.
    fn target_field(&mut self, path: &FieldPath) -> Option<&'a Field> {
        if path
            .segments()
            .iter()
            .any(|segment| !matches!(segment, Segment::Name(_)))
            || path.is_root()
        {
            self.say(
                Severity::Error,
                "list_target",
                format!("\"{path}\" lies inside a list, which cannot be filled item by item"),
                Advice::words("fill the whole list with one rule"),
            );
            return None;
        }
        match names::locate(self.target, path) {
            Place::Field { field, parents } => {
                if field.read_only || parents.iter().any(|parent| parent.read_only) {
                    self.say(
                        Severity::Error,
                        "read_only_target",
                        format!("\"{path}\" is set by the platform and cannot be written"),
                        Advice::words("remove the rule").with_fix(Some(Fix::RemoveRule)),
                    );
                }
                Some(field)
            }
            Place::Open => None,
            Place::Gone => {
                if self.target.fields.is_empty() {
                    return None;
                }
                let near = names::nearest_path(self.target, path, |field| !field.read_only);
                let advice = match near {
                    Some(near) => Advice::words(format!("did you mean \"{near}\"?"))
                        .with_fix(Some(Fix::UseTarget { path: near })),
                    None => Advice::words("remove the rule, or refresh the target's fields")
                        .with_fix(Some(Fix::RemoveRule)),
                };
                self.say(
                    Severity::Error,
                    "unknown_target",
                    format!("the target has no field \"{path}\""),
                    advice,
                );
                None
            }
        }
    }

    /// Where the value comes from, and what it is then.
    fn origin(&mut self, rule: &Rule, sources: &mut Vec<FieldPath>) -> Option<(Source, Flow)> {
        match &rule.origin {
            Origin::Fields { paths } => {
                let flows: Vec<Option<Flow>> =
                    paths.iter().map(|path| self.source_flow(path)).collect();
                for path in paths {
                    read(sources, path);
                }
                match (paths.as_slice(), flows.as_slice()) {
                    ([], _) => {
                        self.say(
                            Severity::Error,
                            "no_source",
                            "the rule has no source field",
                            Advice::words("draw a cable to it, or set a constant")
                                .with_fix(Some(Fix::RemoveRule)),
                        );
                        None
                    }
                    ([path], [flow]) => Some((Source::One(Route::new(path)), flow.clone()?)),
                    _ => {
                        let flows: Option<Vec<Flow>> = flows.into_iter().collect();
                        let routes = paths.iter().map(Route::new).collect();
                        Some((Source::Several(routes), Flow::several(&flows?)))
                    }
                }
            }
            Origin::Constant { value } => {
                let value = Value::from_serde(value);
                let flow = Flow::of_value(&value);
                Some((Source::Constant(value), flow))
            }
            Origin::Expression { template } => match Expression::parse(template) {
                Ok(expression) => {
                    for path in expression.reads() {
                        self.template_reads(path, None);
                        read(sources, path);
                    }
                    Some((
                        Source::Expression(expression),
                        Flow::of_type(FieldType::Any),
                    ))
                }
                Err(error) => {
                    self.say(
                        Severity::Error,
                        "bad_template",
                        error.to_string(),
                        Advice::words("write fields as {{ record.field }}"),
                    );
                    None
                }
            },
        }
    }

    fn source_flow(&mut self, path: &FieldPath) -> Option<Flow> {
        match Flow::of_path(self.source, path) {
            Ok(flow) => Some(flow),
            Err(through_list) => {
                // Fields that were guessed from samples may be there in other records.
                let guessed = self.source.fields.iter().any(|field| field.inferred);
                let severity = if guessed {
                    Severity::Warning
                } else {
                    Severity::Error
                };
                let near =
                    through_list.or_else(|| names::nearest_path(self.source, path, |_| true));
                let advice = match near {
                    Some(near) => Advice::words(format!("did you mean \"{near}\"?")).with_fix(
                        Some(Fix::UseSource {
                            instead_of: path.clone(),
                            path: near,
                        }),
                    ),
                    None => Advice::words("choose another field, or refresh the source's fields"),
                };
                let message = if guessed {
                    format!("the samples of the source have no field \"{path}\"")
                } else {
                    format!("the source has no field \"{path}\"")
                };
                self.say(severity, "unknown_source", message, advice);
                guessed.then(|| Flow::of_type(FieldType::Any))
            }
        }
    }

    /// A template reads a field by name.
    fn template_reads(&mut self, path: &FieldPath, step: Option<usize>) {
        if Flow::of_path(self.source, path).is_ok() {
            return;
        }
        let guessed = self.source.fields.iter().any(|field| field.inferred);
        let suggestion = match names::nearest_path(self.source, path, |_| true) {
            Some(near) => format!("did you mean record.{near}?"),
            None => "choose another field, or refresh the source's fields".to_owned(),
        };
        self.say(
            if guessed {
                Severity::Warning
            } else {
                Severity::Error
            },
            "unknown_source",
            format!("the template reads \"{path}\", which the source does not have"),
            Advice {
                step,
                ..Advice::words(suggestion)
            },
        );
    }

    fn steps(
        &mut self,
        rule: &Rule,
        flow: Option<Flow>,
        sources: &mut Vec<FieldPath>,
    ) -> (Option<Vec<Built>>, Option<Flow>) {
        if rule.steps.len() > MAX_STEPS {
            self.say(
                Severity::Error,
                "too_many_steps",
                format!(
                    "the rule has {} steps; at most {MAX_STEPS} are accepted",
                    rule.steps.len()
                ),
                Advice::default(),
            );
            return (None, None);
        }
        let mut flow = flow;
        self.joined(rule);
        let mut built = Some(Vec::with_capacity(rule.steps.len()));
        for (at, step) in rule.steps.iter().enumerate() {
            match transforms::build(step, 0) {
                Ok(made) => {
                    for path in &made.reads {
                        self.template_reads(path, Some(at));
                        read(sources, path);
                    }
                    if let Some(before) = flow.take() {
                        flow = self
                            .takes(&before, &made, step, at)
                            .then(|| before.after(&made, step));
                    }
                    if let Some(list) = &mut built {
                        list.push(made);
                    }
                }
                Err(error) => {
                    self.step_error(error, step, at);
                    built = None;
                    flow = None;
                }
            }
        }
        (built, flow)
    }

    /// Several fields need a first step that joins them.
    fn joined(&mut self, rule: &Rule) {
        let Origin::Fields { paths } = &rule.origin else {
            return;
        };
        if paths.len() < 2 {
            return;
        }
        let joins = rule.steps.first().is_some_and(|step| {
            transforms::find(&step.name).is_none_or(|transform| transform.joins)
        });
        if joins {
            return;
        }
        let is_list = names::locate(self.target, &rule.target)
            .field()
            .is_some_and(|field| field.field_type == FieldType::List);
        let step = if is_list {
            transforms::step("to_list", [])
        } else {
            transforms::step("concat", [("separator", " ".into())])
        };
        let message = format!(
            "{} fields go into \"{}\" but no step joins them",
            paths.len(),
            rule.target
        );
        self.say(
            Severity::Error,
            "paths_not_joined",
            message,
            Advice::words("start with concat (all of them) or coalesce (the first that is filled)")
                .with_fix(Some(Fix::InsertStep { at: 0, step })),
        );
    }

    fn step_error(&mut self, error: StepError, step: &Step, at: usize) {
        let message = error.to_string();
        let (code, advice) = match error {
            StepError::Unknown { nearest, .. } => (
                "unknown_step",
                match nearest {
                    Some(near) => Advice::words(format!("did you mean \"{near}\"?")).with_fix(
                        Some(Fix::ReplaceStep {
                            at,
                            step: Step {
                                name: near.to_owned(),
                                with: step.with.clone(),
                            },
                        }),
                    ),
                    None => Advice::words("choose a step from the list")
                        .with_fix(Some(Fix::RemoveStep { at })),
                },
            ),
            StepError::Parameter { .. } => ("bad_parameter", Advice::default()),
            StepError::Template { .. } => (
                "bad_template",
                Advice::words("write fields as {{ record.field }} and the value as {{ value }}"),
            ),
        };
        self.say(Severity::Error, code, message, advice.at_step(at));
    }

    /// Whether a step can take what comes to it. False stops following the value.
    fn takes(&mut self, flow: &Flow, built: &Built, step: &Step, at: usize) -> bool {
        let transform = built.transform;
        if flow.several && !transform.joins {
            return false;
        }
        if transform.input.meets(Kinds::of(flow.kind)) {
            return true;
        }
        let is_list = flow.kind == FieldType::List;
        let advice = if is_list
            && flow
                .items
                .is_none_or(|items| transform.input.meets(Kinds::of(items)))
        {
            let each = transforms::step(
                "each",
                [(
                    "steps",
                    serde_json::json!([{"name": step.name, "with": step.with}]),
                )],
            );
            Advice::words(format!("do \"{}\" with each item", step.name))
                .with_fix(Some(Fix::ReplaceStep { at, step: each }))
        } else if flow.kind == FieldType::Object {
            Advice::words("choose one of the object's fields, or take one with the step \"item\"")
        } else if transform.input == Kinds::LIST {
            Advice::words(format!("remove \"{}\"", step.name))
                .with_fix(Some(Fix::RemoveStep { at }))
        } else {
            Advice::words("put a step before it that converts the value")
        };
        self.say(
            Severity::Error,
            "type_mismatch",
            format!(
                "step \"{}\" takes {} but gets {}",
                step.name,
                transform.input.words().join(", "),
                names::type_words(flow.kind)
            ),
            advice.at_step(at),
        );
        false
    }
}

/// The members that templates read which say what they read, each once.
fn named(rules: &[CompiledRule]) -> Vec<CompactString> {
    let mut named: Vec<CompactString> = Vec::new();
    let reads = rules.iter().filter_map(|rule| match &rule.origin {
        Source::Expression(expression) => Some(expression.reads()),
        Source::One(_) | Source::Several(_) | Source::Constant(_) => None,
    });
    for path in reads.flatten() {
        if let Some(Segment::Name(first)) = path.segments().first()
            && !named.contains(first)
        {
            named.push(first.clone());
        }
    }
    named
}

fn read(sources: &mut Vec<FieldPath>, path: &FieldPath) {
    if !sources.contains(path) {
        sources.push(path.clone());
    }
}

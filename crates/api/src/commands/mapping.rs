//! The mapping editor: samples, compiler, preview.

use std::collections::HashMap;

use connectors::StreamDescription;
use engine::samples::Samples as KeptSamples;
use model::field::{Field, FieldType};
use model::mapping::Mapping;
use model::path::FieldPath;
use model::value::{Object, Value};

use crate::app::App;
use crate::commands::syncs;
use crate::error::{ApiError, sentence};
#[allow(clippy::wildcard_imports, reason = "most views of a noun are used")]
use crate::views::*;

type Result<T> = std::result::Result<T, ApiError>;

/// Rows of the preview table.
const PREVIEW_ROWS: usize = 50;

/// What the editor works with.
pub(super) struct Desk {
    pub(super) document: model::sync::Sync,
    id: model::ids::SyncId,
    version: u32,
    pub(super) source: StreamDescription,
    pub(super) target: StreamDescription,
    pub(super) samples: KeptSamples,
}

pub(super) async fn desk(
    app: &App,
    sync: model::ids::SyncId,
    mapping: Option<Mapping>,
) -> Result<Desk> {
    let row = syncs::stored(app, sync).await?;
    let mut document = syncs::current(&row).clone();
    if let Some(mapping) = mapping {
        document.mapping = mapping;
    }
    let platforms = app.engine().platforms();
    let source = platforms
        .describe(document.source.connection, &document.source.stream)
        .await?;
    let target = platforms
        .describe(document.target.connection, &document.target.stream)
        .await?;
    let samples = app
        .engine()
        .samples(document.source.connection, &document.source.stream, false)
        .await?;
    Ok(Desk {
        document,
        id: sync,
        version: row.version,
        source,
        target,
        samples,
    })
}

impl Desk {
    fn compile(&self) -> mapping::Compiled {
        mapping::compile(
            &self.document.mapping,
            &self.source.schema,
            &self.target.schema,
            engine::purpose(self.document.mode),
        )
    }
}

pub(crate) async fn get_samples(app: &App, request: SampleRequest) -> Result<Samples> {
    let row = syncs::stored(app, request.sync).await?;
    let document = syncs::current(&row);
    let samples = app
        .engine()
        .samples(
            document.source.connection,
            &document.source.stream,
            request.refresh,
        )
        .await?;
    let description = app
        .engine()
        .platforms()
        .describe(document.source.connection, &document.source.stream)
        .await?;
    Ok(Samples {
        records: samples
            .records
            .iter()
            .map(|record| record.fields.to_serde())
            .collect(),
        read_at: samples.read_at,
        profile: description
            .schema
            .walk()
            .into_iter()
            .map(|(path, _)| profile(&path, samples.records.iter().map(|record| &record.fields)))
            .collect(),
    })
}

/// What samples tell of one field.
fn profile<'a>(path: &FieldPath, records: impl Iterator<Item = &'a Value>) -> FieldProfile {
    let (mut filled, mut longest) = (0, 0);
    let mut distinct = std::collections::HashSet::new();
    let mut looks: HashMap<&'static str, u32> = HashMap::new();
    for value in records
        .filter_map(|record| record.at(path))
        .filter(|value| !value.is_empty())
    {
        filled += 1;
        distinct.insert(value.fingerprint());
        if let Value::Text(text) = value {
            longest = longest.max(u32::try_from(text.chars().count()).unwrap_or(u32::MAX));
            if let Some(look) = looks_like(text.trim()) {
                *looks.entry(look).or_default() += 1;
            }
        }
    }
    let best = looks
        .into_iter()
        .max_by_key(|(look, count)| (*count, *look))
        .filter(|(_, count)| count * 2 > filled);
    FieldProfile {
        path: path.clone(),
        filled,
        distinct: u32::try_from(distinct.len()).unwrap_or(u32::MAX),
        longest,
        looks_like: best.map(|(look, _)| look.to_owned()),
        looks_like_percent: best.map(|(_, count)| count * 100 / filled.max(1)),
    }
}

fn looks_like(text: &str) -> Option<&'static str> {
    use mapping::formats::{is_email, is_url, is_uuid, looks_like_phone};
    if is_email(text) {
        Some("e-mail address")
    } else if is_url(text) {
        Some("web address")
    } else if is_uuid(text) {
        Some("UUID")
    } else if text.len() >= 10
        && text
            .get(..10)
            .is_some_and(|day| day.parse::<jiff::civil::Date>().is_ok())
    {
        Some("date")
    } else if text.parse::<f64>().is_ok() {
        Some("number")
    } else if looks_like_phone(text) {
        Some("phone number")
    } else {
        None
    }
}

pub(crate) async fn check_mapping(app: &App, request: CheckMapping) -> Result<MappingReport> {
    let desk = desk(app, request.sync, Some(request.mapping)).await?;
    let compiled = desk.compile();
    let mut failing: Vec<FieldFailures> = Vec::new();
    if let Some(program) = &compiled.program {
        for (n, record) in desk.samples.records.iter().enumerate() {
            for problem in program.apply(&record.fields).problems {
                match failing
                    .iter_mut()
                    .find(|failures| failures.target == problem.target)
                {
                    Some(failures) => failures.count += 1,
                    None => failing.push(FieldFailures {
                        target: problem.target,
                        count: 1,
                        first_sample: u32::try_from(n).unwrap_or(u32::MAX),
                        message: problem.message,
                    }),
                }
            }
        }
    }
    let mappable = mappable(&desk.target);
    let is_mapped = |path: &FieldPath| {
        desk.document
            .mapping
            .rules
            .iter()
            .any(|rule| &rule.target == path)
    };
    let count = |wanted: &dyn Fn(&(FieldPath, &Field)) -> bool| {
        u32::try_from(mappable.iter().filter(|field| wanted(field)).count()).unwrap_or(u32::MAX)
    };
    let mut diagnostics: Vec<DiagnosticView> = compiled
        .diagnostics
        .iter()
        .map(|diagnostic| diagnostic_view(diagnostic, &desk.document.mapping))
        .collect();
    diagnostics.sort_by_key(|diagnostic| match diagnostic.severity {
        DiagnosticSeverity::Error => 0,
        DiagnosticSeverity::Warning => 1,
        DiagnosticSeverity::Hint => 2,
    });
    Ok(MappingReport {
        mapped: count(&|(path, _)| is_mapped(path)),
        mappable: count(&|_| true),
        required_mapped: count(&|(path, field)| field.required && is_mapped(path)),
        required: count(&|(_, field)| field.required),
        samples: u32::try_from(desk.samples.records.len()).unwrap_or(u32::MAX),
        samples_at: Some(desk.samples.read_at),
        diagnostics,
        failing,
    })
}

/// The target fields that a rule can fill: leaves that are not set by the platform.
pub(super) fn mappable(target: &StreamDescription) -> Vec<(FieldPath, &Field)> {
    target
        .schema
        .walk()
        .into_iter()
        .filter(|(_, field)| !field.read_only)
        .filter(|(_, field)| field.field_type != FieldType::Object || field.fields.is_empty())
        .collect()
}

fn diagnostic_view(diagnostic: &mapping::Diagnostic, document: &Mapping) -> DiagnosticView {
    DiagnosticView {
        severity: match diagnostic.severity {
            mapping::Severity::Error => DiagnosticSeverity::Error,
            mapping::Severity::Warning => DiagnosticSeverity::Warning,
            mapping::Severity::Hint => DiagnosticSeverity::Hint,
        },
        code: diagnostic.code.to_owned(),
        target: diagnostic.target.clone(),
        step: diagnostic.step.and_then(|step| u32::try_from(step).ok()),
        message: sentence(&diagnostic.message),
        suggestion: diagnostic.suggestion.as_deref().map(sentence),
        fix: diagnostic
            .fix
            .as_ref()
            .and_then(|fix| fix_view(fix, diagnostic, document)),
    }
}

/// What the document would be after one click, as the one rule that changes.
fn fix_view(
    fix: &mapping::Fix,
    diagnostic: &mapping::Diagnostic,
    document: &Mapping,
) -> Option<FixView> {
    let mut mended = document.clone();
    if !fix.apply_to(&mut mended, diagnostic.rule) {
        return None;
    }
    let label = diagnostic
        .suggestion
        .as_deref()
        .map_or_else(|| "Mend it".to_owned(), sentence);
    let label = label.trim_end_matches('.').to_owned();
    if let mapping::Fix::AddRule { rule } = fix {
        return Some(FixView {
            label,
            target: rule.target.clone(),
            rule: Some(rule.clone()),
        });
    }
    let at = diagnostic.rule?;
    let target = document.rules.get(at)?.target.clone();
    let rule = (mended.rules.len() == document.rules.len())
        .then(|| mended.rules.get(at).cloned())
        .flatten();
    Some(FixView {
        label,
        target,
        rule,
    })
}

pub(crate) async fn preview_mapping(app: &App, request: PreviewMapping) -> Result<MappingPreview> {
    let desk = desk(app, request.sync, Some(request.mapping)).await?;
    let samples = u32::try_from(desk.samples.records.len()).unwrap_or(u32::MAX);
    let index = request.sample.min(samples.saturating_sub(1));
    let compiled = desk.compile();
    let empty = Value::Object(Object::new());
    let record = usize::try_from(index)
        .ok()
        .and_then(|index| desk.samples.records.get(index));
    let source = record.map_or(&empty, |record| &record.fields);
    let (mapped, traces) = match &compiled.program {
        Some(program) => app.engine().explain(program, source).await?,
        // An error in one rule must not darken the others: those that compile are shown.
        None => {
            let broken: Vec<usize> = compiled
                .errors()
                .filter_map(|diagnostic| diagnostic.rule)
                .collect();
            let sound = Mapping {
                version: desk.document.mapping.version,
                rules: desk
                    .document
                    .mapping
                    .rules
                    .iter()
                    .enumerate()
                    .filter(|(n, _)| !broken.contains(n))
                    .map(|(_, rule)| rule.clone())
                    .collect(),
            };
            let partial = mapping::compile(
                &sound,
                &desk.source.schema,
                &desk.target.schema,
                mapping::Purpose::Update,
            );
            match &partial.program {
                Some(program) => app.engine().explain(program, source).await?,
                None => (Object::new(), Vec::new()),
            }
        }
    };
    Ok(MappingPreview {
        sample: index,
        samples,
        key: record.and_then(|record| record.key.as_ref().map(ToString::to_string)),
        source: source.to_serde(),
        mapped: Value::Object(mapped).to_serde(),
        fields: traces.iter().map(field_preview).collect(),
    })
}

fn field_preview(trace: &mapping::FieldTrace) -> FieldPreview {
    let step = |result: &std::result::Result<Value, String>| match result {
        Ok(value) => StepPreview {
            value: Some(value.to_serde()),
            problem: None,
        },
        Err(words) => StepPreview {
            value: None,
            problem: Some(sentence(words)),
        },
    };
    FieldPreview {
        target: trace.target.clone(),
        inputs: trace.inputs.iter().map(Value::to_serde).collect(),
        steps: trace.after_steps.iter().map(step).collect(),
        result: match &trace.result {
            Ok(value) => StepPreview {
                value: value.as_ref().map(Value::to_serde),
                problem: None,
            },
            Err(words) => StepPreview {
                value: None,
                problem: Some(sentence(words)),
            },
        },
    }
}

pub(crate) async fn preview_rows(app: &App, request: CheckMapping) -> Result<PreviewRows> {
    let desk = desk(app, request.sync, Some(request.mapping)).await?;
    let mut rows = PreviewRows {
        rows: Vec::new(),
        creates: 0,
        updates: 0,
        unchanged: 0,
        holds: 0,
    };
    // A mapping with errors has no preview; the problems tab says why.
    let decided = match app
        .engine()
        .preview(
            desk.id,
            desk.version,
            desk.document,
            desk.source,
            desk.target,
            &desk.samples,
        )
        .await
    {
        Ok(decided) => decided,
        Err(engine::Error::MappingInvalid { .. }) => return Ok(rows),
        Err(error) => return Err(error.into()),
    };
    for (key, mapped, decision) in decided {
        use engine::plan::Decision;
        use model::record::Operation;
        let (action, before, problem) = match decision {
            Decision::Unchanged { .. } | Decision::Agreed(_) | Decision::Forget => {
                (PlanAction::Unchanged, None, None)
            }
            Decision::Write(change) if change.operation == Operation::Create => {
                (PlanAction::Create, None, None)
            }
            Decision::Write(change) => {
                let before = change.before.map(|mut before| {
                    // What is not written is there already.
                    for (name, value) in mapped.iter() {
                        if change.fields.get(name).is_none() && before.get(name).is_none() {
                            before.push(name, value.clone());
                        }
                    }
                    before
                });
                (PlanAction::Update, before, None)
            }
            Decision::Filtered(problem) => (PlanAction::Filtered, None, Some(problem)),
            Decision::Invalid(problem) => (PlanAction::Invalid, None, Some(problem)),
            Decision::Held(problem) => (PlanAction::Held, None, Some(problem)),
            Decision::Conflict(problem, _) => (PlanAction::Conflict, None, Some(problem)),
        };
        match action {
            PlanAction::Create => rows.creates += 1,
            PlanAction::Update | PlanAction::Delete => rows.updates += 1,
            PlanAction::Unchanged | PlanAction::Filtered => rows.unchanged += 1,
            PlanAction::Invalid | PlanAction::Held | PlanAction::Conflict => rows.holds += 1,
        }
        if rows.rows.len() < PREVIEW_ROWS {
            let (words, field) = problem.map_or((None, None), |problem| {
                (Some(sentence(&problem.message)), problem.field)
            });
            rows.rows.push(PreviewRow {
                key: Some(key.to_string()).filter(|key| !key.is_empty()),
                action,
                mapped: Value::Object(mapped).to_serde(),
                before: before.map(|before| Value::Object(before).to_serde()),
                problem: words,
                problem_field: field,
            });
        }
    }
    Ok(rows)
}

/// Sends samples to the target's terms and back.
pub(crate) async fn check_round_trip(app: &App, request: SyncRef) -> Result<RoundTripReport> {
    let desk = desk(app, request.sync, None).await?;
    let two_way = desk.document.both_ways();
    let chosen = two_way
        .fields
        .iter()
        .filter_map(|field| Some((field.field.clone(), field.back.clone()?)))
        .collect();
    let (source, target) = (&desk.source.schema, &desk.target.schema);
    let inverted = mapping::inverse::invert(&desk.document.mapping, source, target, &chosen);
    let back = mapping::compile(&inverted.mapping, target, source, mapping::Purpose::Update);
    let samples: Vec<Value> = desk
        .samples
        .records
        .iter()
        .map(|record| record.fields.clone())
        .collect();
    let trips = match (desk.compile().program, back.program) {
        (Some(forward), Some(back)) => {
            mapping::inverse::round_trip(&forward, &back, &inverted.fields, &samples).fields
        }
        _ => Vec::new(),
    };
    let fields = inverted.fields.into_iter().map(|field| {
        use mapping::inverse::WayBack;
        let trip = trips.iter().find(|trip| trip.target == field.target);
        let (way, why) = match field.kind {
            WayBack::Exact => (WayBackView::Exact, None),
            WayBack::Lossy { why } => (WayBackView::Lossy, Some(sentence(&why))),
            WayBack::OneWay { why } => (WayBackView::OneWay, Some(sentence(&why))),
        };
        FieldTripView {
            target: field.target,
            source: field.source,
            way,
            why,
            trip: trip.map(|trip| trip.from_source.to_string()),
            differ: trip.map_or(0, |trip| {
                u32::try_from(trip.from_source.differ).unwrap_or(u32::MAX)
            }),
        }
    });
    Ok(RoundTripReport {
        fields: fields.collect(),
        samples: u32::try_from(samples.len()).unwrap_or(u32::MAX),
    })
}

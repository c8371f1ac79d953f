//! Mappings that are wrong in one way each, and what the compiler says.

use mapping::{Purpose, compile};
use serde_json::json;

use crate::program::mapping;
use crate::schemas::schema;

const SOURCE: &str = "first_name:text?<80
    email:email?<254
    notes:text<4000
    age:integer
    amount:float
    born:timestamp
    active:bool
    stage:enum=lead|customer|lost
    tags:list
    address:object
    address.city:text
    items:list
    items.sku:text";

const TARGET: &str = "id:text-
    full_name:text?
    mail:email!
    status:enum=lead|client|closed
    note:text?<255
    years:integer
    price:decimal
    birthday:date
    labels:list
    town:text
    extra:object";

fn check(rules: serde_json::Value) -> String {
    let mapping = mapping(&rules);
    let compiled = compile(&mapping, &schema(SOURCE), &schema(TARGET), Purpose::Update);
    let mut out = String::new();
    for one in &compiled.diagnostics {
        out += &format!("{:?} {}", one.severity, one.code);
        if let Some(target) = &one.target {
            out += &format!(" at {target}");
        }
        if let Some(step) = one.step {
            out += &format!(" step {step}");
        }
        out += &format!("\n  {}\n", one.message);
        if let Some(suggestion) = &one.suggestion {
            out += &format!("  -> {suggestion}\n");
        }
        if let Some(fix) = &one.fix {
            out += &format!("  fix {}\n", serde_json::to_string(fix).unwrap());
            let mut fixed = mapping.clone();
            assert!(
                fix.apply_to(&mut fixed, one.rule),
                "the fix does not apply: {fix:?}"
            );
            let after = compile(&fixed, &schema(SOURCE), &schema(TARGET), Purpose::Update);
            let again = after.diagnostics.iter().any(|other| {
                other.code == one.code && other.target == one.target && other.rule == one.rule
            });
            assert!(
                !again,
                "the fix does not mend {}: {:?}",
                one.code, after.diagnostics
            );
        }
    }
    out + if compiled.program.is_some() {
        "runs"
    } else {
        "does not run"
    }
}

#[test]
fn fields_that_are_not_there() {
    insta::assert_snapshot!(check(json!([{"to": "full_name", "from": "firstname"}])), @r#"
Error unknown_source at full_name
  the source has no field "firstname"
  -> did you mean "first_name"?
  fix {"kind":"use_source","instead_of":"firstname","path":"first_name"}
does not run
"#);
    insta::assert_snapshot!(check(json!([{"to": "full_nam", "from": "first_name"}])), @r#"
Error unknown_target at full_nam
  the target has no field "full_nam"
  -> did you mean "full_name"?
  fix {"kind":"use_target","path":"full_name"}
does not run
"#);
    insta::assert_snapshot!(check(json!([{"to": "town", "from": "zzz"}])), @r#"
Error unknown_source at town
  the source has no field "zzz"
  -> choose another field, or refresh the source's fields
does not run
"#);
    insta::assert_snapshot!(check(json!([{"to": "town", "from": "items.sku"}])), @r#"
Error unknown_source at town
  the source has no field "items.sku"
  -> did you mean "items[].sku"?
  fix {"kind":"use_source","instead_of":"items.sku","path":"items[].sku"}
does not run
"#);
    insta::assert_snapshot!(check(json!([{"to": "town", "template": "{{ record.adress.city }}"}])), @r#"
Error unknown_source at town
  the template reads "adress.city", which the source does not have
  -> did you mean record.address.city?
does not run
"#);
}

#[test]
fn targets_that_cannot_be_filled_so() {
    insta::assert_snapshot!(check(json!([{"to": "id", "from": "first_name"}])), @r#"
Error read_only_target at id
  "id" is set by the platform and cannot be written
  -> remove the rule
  fix {"kind":"remove_rule"}
does not run
"#);
    insta::assert_snapshot!(check(json!([{"to": "town", "from": "first_name"}, {"to": "town", "from": "address.city"}])), @r#"
Error target_twice at town
  "town" is filled twice, by rules 1 and 2
  -> remove one of the rules
  fix {"kind":"remove_rule"}
does not run
"#);
    insta::assert_snapshot!(check(json!([{"to": "extra", "from": "address"}, {"to": "extra.city", "from": "address.city"}])), @r#"
Error target_overlap at extra.city
  "extra.city" and "extra" overlap: one is a part of the other
  -> fill either the whole object or its parts
  fix {"kind":"remove_rule"}
does not run
"#);
    insta::assert_snapshot!(check(json!([{"to": "labels[]", "from": "tags"}])), @r#"
Error list_target at labels[]
  "labels[]" lies inside a list, which cannot be filled item by item
  -> fill the whole list with one rule
does not run
"#);
}

#[test]
fn required_fields_matter_where_records_are_created() {
    let mapping = mapping(&json!([{"to": "town", "from": "address.city"}]));
    let codes = |purpose| -> Vec<String> {
        let compiled = compile(&mapping, &schema(SOURCE), &schema(TARGET), purpose);
        compiled
            .errors()
            .map(|error| format!("{} {}", error.code, error.target.as_ref().unwrap()))
            .collect()
    };
    assert_eq!(codes(Purpose::Create), ["required_unmapped mail"]);
    assert_eq!(codes(Purpose::Upsert), ["required_unmapped mail"]);
    assert!(codes(Purpose::Update).is_empty());
    insta::assert_snapshot!(check(json!([{"to": "mail", "from": "email"}])), @r#"
Hint may_be_empty at mail
  "mail" is required but the source may be empty; such records are held back
  -> add the step "default_if_empty" if there is a sensible default
runs
"#);
}

#[test]
fn steps_that_are_wrong() {
    insta::assert_snapshot!(check(json!([{"to": "full_name", "from": ["first_name", "address.city"]}])), @r#"
Error paths_not_joined at full_name
  2 fields go into "full_name" but no step joins them
  -> start with concat (all of them) or coalesce (the first that is filled)
  fix {"kind":"insert_step","at":0,"step":{"name":"concat","with":{"separator":" "}}}
does not run
"#);
    insta::assert_snapshot!(check(json!([{"to": "full_name", "from": "first_name", "steps": ["lowercase"]}])), @r#"
Error unknown_step at full_name step 0
  there is no step "lowercase"
  -> did you mean "lower"?
  fix {"kind":"replace_step","at":0,"step":{"name":"lower","with":{}}}
does not run
"#);
    insta::assert_snapshot!(check(json!([{"to": "full_name", "from": "first_name", "steps": [{"name": "slice", "with": {"length": "ten"}}]}])), @r#"
Error bad_parameter at full_name step 0
  step "slice": "length" must be a whole number, not "ten"
does not run
"#);
    insta::assert_snapshot!(check(json!([{"to": "full_name", "from": "first_name", "steps": [{"name": "expression", "with": {"template": "Dear\n{{ value | shout }}"}}]}])), @r#"
Error bad_template at full_name step 0
  step "expression": there is no filter "shout" (line 2, column 12)
  -> write fields as {{ record.field }} and the value as {{ value }}
does not run
"#);
    insta::assert_snapshot!(check(json!([{"to": "full_name", "template": "{{ record.first_name"}])), @r#"
Error bad_template at full_name
  this `{{` does not end; expected `}}` behind it (line 1, column 1)
  -> write fields as {{ record.field }}
does not run
"#);
    insta::assert_snapshot!(check(json!([{"to": "labels", "from": "tags", "steps": ["lower"]}])), @r#"
Error type_mismatch at labels step 0
  step "lower" takes text, whole number, number, true/false, date, time, date and time but gets a list
  -> do "lower" with each item
  fix {"kind":"replace_step","at":0,"step":{"name":"each","with":{"steps":[{"name":"lower","with":{}}]}}}
does not run
"#);
    insta::assert_snapshot!(check(json!([{"to": "town", "from": "address", "steps": ["trim"]}])), @r#"
Error type_mismatch at town step 0
  step "trim" takes text, whole number, number, true/false, date, time, date and time but gets an object
  -> choose one of the object's fields, or take one with the step "item"
does not run
"#);
}

#[test]
fn types_that_do_not_suit() {
    insta::assert_snapshot!(check(json!([{"to": "town", "from": "address"}])), @r#"
Error type_mismatch at town
  An object goes into "town", which holds text
  -> choose one of the object's fields
does not run
"#);
    insta::assert_snapshot!(check(json!([{"to": "town", "from": "tags"}])), @r#"
Error list_to_scalar at town
  A list goes into "town", which holds text
  -> add the step "join"
  fix {"kind":"insert_step","at":0,"step":{"name":"join","with":{"separator":", "}}}
does not run
"#);
    insta::assert_snapshot!(check(json!([{"to": "years", "from": "amount"}])), @r#"
Warning lossy_conversion at years
  A number goes into "years", which holds a whole number; fractions are held back
  -> add the step "round"
  fix {"kind":"insert_step","at":0,"step":{"name":"round","with":{}}}
runs
"#);
    insta::assert_snapshot!(check(json!([{"to": "years", "from": "first_name"}])), @r#"
Warning parse_needed at years
  Text goes into "years", which holds a whole number; it is not read as one by itself
  -> add the step "to_integer"
  fix {"kind":"insert_step","at":0,"step":{"name":"to_integer","with":{}}}
runs
"#);
    insta::assert_snapshot!(check(json!([{"to": "birthday", "from": "born"}])), @r#"
Warning lossy_conversion at birthday
  A date and time goes into "birthday", which holds a date; the time of day would be lost, so such records are held back
  -> add the step "date_only"
  fix {"kind":"insert_step","at":0,"step":{"name":"date_only","with":{}}}
runs
"#);
    insta::assert_snapshot!(check(json!([{"to": "birthday", "from": "active"}])), @r#"
Error type_mismatch at birthday
  True/false goes into "birthday", which holds a date
  -> choose another field, or convert it with an expression
does not run
"#);
    insta::assert_snapshot!(check(json!([{"to": "labels", "from": "first_name"}])), @r#"
Warning scalar_to_list at labels
  Text goes into "labels", which holds a list
  -> add the step "split"
  fix {"kind":"insert_step","at":0,"step":{"name":"split","with":{"separator":","}}}
runs
"#);
    insta::assert_snapshot!(check(json!([{"to": "note", "from": "notes"}])), @r#"
Warning max_length_risk at note
  texts of up to 4000 characters go into "note", which accepts 255
  -> shorten them with the step "slice"; longer ones are held back otherwise
  fix {"kind":"insert_step","at":0,"step":{"name":"slice","with":{"length":255}}}
runs
"#);
}

#[test]
fn values_that_are_not_accepted() {
    insta::assert_snapshot!(check(json!([{"to": "status", "constant": "Lead"}])), @r#"
Error option_unknown at status
  the constant does not suit the field: "Lead" is not one of the accepted values (lead, client, closed); did you mean "lead"?
  -> use "lead"
  fix {"kind":"set_constant","value":"lead"}
does not run
"#);
    insta::assert_snapshot!(check(json!([{"to": "years", "constant": "many"}])), @r#"
Error bad_constant at years
  the constant does not suit the field: expected a whole number but got the text "many"; use the step "to_integer"
  -> set another constant
does not run
"#);
    insta::assert_snapshot!(check(json!([{"to": "status", "from": "stage"}])), @r#"
Warning option_unknown at status
  "status" does not accept "customer" and "lost"
  -> translate them with the step "value_map"
  fix {"kind":"insert_step","at":0,"step":{"name":"value_map","with":{"entries":{"lead":"lead","customer":"client"}}}}
runs
"#);
    insta::assert_snapshot!(check(json!([{"to": "status", "from": "stage", "steps": [{"name": "value_map", "with": {"entries": {"lead": "lead", "customer": "customr"}}}]}])), @r#"
Error option_unknown at status
  "status" does not accept "customr"
  -> change the table of values
does not run
"#);
    insta::assert_snapshot!(check(json!([{"to": "years", "from": "age", "on_failure": {"kind": "default", "value": "none"}}])), @r#"
Error bad_default at years
  the value to send on failure does not suit the field: expected a whole number but got the text "none"; use the step "to_integer"
  -> choose another value, or hold such records back
does not run
"#);
}

#[test]
fn good_mappings_are_met_with_silence() {
    for rules in [
        json!([{"to": "town", "from": "address.city", "steps": ["trim"]}]),
        json!([{"to": "price", "from": "age"}]),
        json!([{"to": "full_name", "from": ["first_name", "address.city"], "steps": ["concat"]}]),
        json!([{"to": "birthday", "from": "born", "steps": ["date_only"]}]),
        json!([{"to": "extra.anything.at_all", "from": "tags"}]),
        json!([{"to": "labels", "from": "items[].sku"}]),
    ] {
        assert_eq!(check(rules.clone()), "runs", "{rules}");
    }
}

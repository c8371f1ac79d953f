//! Names of fields as words with a meaning: `addr.zipCode`, `postleitzahl` and `postal_code` meet here.
//!
//! A name is cut into words (snake, camel, digits), small letters without accents; phrases and
//! synonyms of several languages become one canonical word each.

use std::collections::HashMap;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization as _;

/// The canonical words of a name.
pub(super) fn words(name: &str) -> Vec<&'static str> {
    let raw = split(name);
    canonical(&raw)
}

/// Words of a sentence that carry meaning.
pub(super) fn prose(text: &str) -> Vec<&'static str> {
    const MOST: usize = 60;
    let mut raw = split(&text.chars().take(600).collect::<String>());
    raw.retain(|word| word.len() > 1 && !STOP.contains(&word.as_str()));
    raw.truncate(MOST);
    canonical(&raw)
}

/// Words that say nothing in a description.
const STOP: &[&str] = &[
    "the",
    "a",
    "an",
    "of",
    "is",
    "are",
    "was",
    "be",
    "been",
    "to",
    "in",
    "on",
    "at",
    "for",
    "and",
    "or",
    "this",
    "that",
    "with",
    "by",
    "from",
    "as",
    "it",
    "its",
    "if",
    "when",
    "which",
    "will",
    "can",
    "not",
    "any",
    "all",
    "used",
    "has",
    "have",
    "may",
    "must",
    "should",
    "whether",
    "one",
    "see",
    "more",
    "into",
    "their",
    "your",
    "you",
    "we",
    "also",
    "other",
    "only",
    "such",
    "than",
    "then",
    "there",
    "these",
    "those",
    "each",
    "e.g",
    "eg",
    "ie",
    "etc",
    "specific",
    "value",
    "values",
    "field",
    "object",
    "possible",
    "include",
    "set",
    "true",
    "false",
    "null",
    "string",
    "represents",
    "specifies",
    "determines",
    "indicates",
    "denotes",
    "current",
    "associated",
    "given",
    "resource",
    "using",
    "use",
];

/// Cuts a name at case changes, digits and everything that is not a letter.
fn split(name: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut last: Option<char> = None;
    let letters: Vec<char> = name
        .nfd()
        .filter(|c| !unicode_normalization::char::is_combining_mark(*c))
        .collect();
    for (n, &c) in letters.iter().enumerate() {
        let next_is_small = letters.get(n + 1).is_some_and(|next| next.is_lowercase());
        let starts = match last {
            Some(last) if last.is_alphanumeric() && c.is_alphanumeric() => {
                (last.is_lowercase() && c.is_uppercase())
                    || (last.is_uppercase() && c.is_uppercase() && next_is_small)
                    || (last.is_numeric() != c.is_numeric())
            }
            _ => true,
        };
        if starts && !word.is_empty() {
            out.push(std::mem::take(&mut word));
        }
        if c.is_alphanumeric() {
            match c {
                'ß' => word.push_str("ss"),
                'ø' | 'Ø' => word.push('o'),
                _ => word.extend(c.to_lowercase()),
            }
        }
        last = Some(c);
    }
    if !word.is_empty() {
        out.push(word);
    }
    // `e164`, `oauth2`, `iso3166` are one word; `line1` stays two.
    let mut joined: Vec<String> = Vec::with_capacity(out.len());
    for word in out {
        match joined.last_mut() {
            Some(before) if before == "e" && word == "164" => before.push_str(&word),
            _ => joined.push(word),
        }
    }
    joined
}

fn canonical(raw: &[String]) -> Vec<&'static str> {
    let mut out = Vec::with_capacity(raw.len());
    let mut at = 0;
    while let Some(word) = raw.get(at) {
        let three = raw.get(at..at + 3).map(|words| words.join(" "));
        let two = raw.get(at..at + 2).map(|words| words.join(" "));
        let phrase = three
            .and_then(|key| Some((3, DICTIONARY.get(key.as_str())?)))
            .or_else(|| two.and_then(|key| Some((2, DICTIONARY.get(key.as_str())?))));
        if let Some((taken, words)) = phrase {
            out.extend(words.iter().copied());
            at += taken;
            continue;
        }
        match lookup(word) {
            Some(words) => out.extend(words.iter().copied()),
            None => out.push(intern(word)),
        }
        at += 1;
    }
    out
}

fn lookup(word: &str) -> Option<&'static Vec<&'static str>> {
    if let Some(found) = DICTIONARY.get(word) {
        return Some(found);
    }
    DICTIONARY.get(singular(word)?.as_str())
}

/// The singular of an English plural, if it looks like one.
fn singular(word: &str) -> Option<String> {
    if word.len() < 4 {
        return None;
    }
    if let Some(stem) = word.strip_suffix("ies") {
        return Some(format!("{stem}y"));
    }
    for ending in ["sses", "xes", "ches", "shes"] {
        if word.ends_with(ending) {
            return word.strip_suffix("es").map(str::to_owned);
        }
    }
    if word.ends_with("ss") || word.ends_with("us") || word.ends_with("is") {
        return None;
    }
    word.strip_suffix('s').map(str::to_owned)
}

/// Keeps a word for the life of the program. The store is bounded: what comes after is one word.
fn intern(word: &str) -> &'static str {
    use std::collections::HashSet;
    use std::sync::Mutex;
    const MOST: usize = 50_000;
    const LONGEST: usize = 40;
    static STORE: LazyLock<Mutex<HashSet<&'static str>>> = LazyLock::new(Mutex::default);
    let base = singular(word).unwrap_or_else(|| word.to_owned());
    let short: String = base.chars().take(LONGEST).collect();
    let mut store = STORE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(found) = store.get(short.as_str()) {
        return found;
    }
    if store.len() >= MOST {
        return "?";
    }
    let kept: &'static str = Box::leak(short.into_boxed_str());
    store.insert(kept);
    kept
}

/// How alike two canonical words are, 0 to 1.
pub(super) fn alike(left: &str, right: &str) -> f64 {
    if left == right {
        return 1.0;
    }
    let key = if left < right {
        (left, right)
    } else {
        (right, left)
    };
    if let Some(related) = RELATED.get(&key) {
        return *related;
    }
    let (short, long) = if left.len() <= right.len() {
        (left, right)
    } else {
        (right, left)
    };
    if short.len() >= 3 && long.starts_with(short) {
        return if short.len() >= 4 { 0.75 } else { 0.6 };
    }
    if short.len() >= 4 && long.len() >= 5 {
        let close = strsim::jaro_winkler(left, right);
        if close > 0.9 {
            return close - 0.15;
        }
    }
    if short.len() >= 4 && long.contains(short) {
        return 0.55;
    }
    0.0
}

/// Words that carry little: nearly every name may have them.
pub(super) fn weight(word: &str) -> f64 {
    match word {
        "date" | "value" | "text" | "data" | "info" | "object" | "field" | "is" | "has" | "the"
        | "of" | "for" | "attribute" | "property" | "profile" | "custom" | "detail" | "default" => {
            0.35
        }
        "primary" | "main" | "current" | "preferred" | "last" | "first" => 0.7,
        _ => 1.0,
    }
}

/// Canonical words on the left, what becomes of it on the right: words and phrases.
const SYNONYMS: &[(&str, &str)] = &[
    (
        "email",
        "email|e mail|mail|email address|mail address|e mail address|emailadresse|mailadresse|courriel|correo|correo electronico|posta elettronica|adresse email",
    ),
    (
        "phone",
        "phone|phone number|telephone|telephone number|tel|telefon|telefonnummer|telefono|telefone|rufnummer|numero de telephone|numero de telefono",
    ),
    (
        "mobile phone",
        "mobile|cell|cellphone|cell phone|mobile phone|mobile number|handy|handynummer|movil|cellulare|portable",
    ),
    ("fax", "fax|telefax|fax number"),
    ("e164", "e164"),
    (
        "first name",
        "first name|given name|forename|fore name|firstname|fname|givenname|vorname|prenom|nombre|nome di battesimo|first names",
    ),
    (
        "last name",
        "last name|family name|surname|lastname|lname|familyname|sur name|nachname|familienname|nom de famille|apellido|apellidos|cognome|sobrenome|nom",
    ),
    (
        "middle name",
        "middle name|middlename|second name|zweiter vorname",
    ),
    (
        "full name",
        "full name|fullname|display name|displayname|complete name|nombre completo|nom complet|nome completo",
    ),
    ("name", "name|nome|label"),
    ("nick name", "nickname|nick name|nick|preferred name|alias"),
    (
        "user name",
        "username|user name|login|login name|benutzername|screen name",
    ),
    (
        "salutation",
        "salutation|honorific|anrede|civilite|prefix|tratamiento",
    ),
    ("gender", "gender|sex|geschlecht|genre|genero|sesso"),
    (
        "birth date",
        "birthday|birthdate|birth date|date of birth|dob|geburtstag|geburtsdatum|date de naissance|fecha de nacimiento|data di nascita|born",
    ),
    (
        "company",
        "company|company name|organization|organisation|org|firm|firma|business|business name|unternehmen|societe|entreprise|empresa|azienda|employer|organization name|organisation name|account name|ditta",
    ),
    (
        "department",
        "department|dept|abteilung|departement|departamento|division",
    ),
    (
        "job title",
        "job title|jobtitle|position|role title|job|occupation|beruf|poste|cargo|stellung|function title",
    ),
    (
        "address",
        "address|addr|adresse|anschrift|direccion|indirizzo|endereco|location",
    ),
    (
        "street",
        "street|street address|address line|address line 1|street 1|line 1|address 1|addr 1|address1|street1|strasse|str|rue|calle|via|rua|street name|address street",
    ),
    (
        "street second",
        "address line 2|street 2|line 2|address 2|addr 2|apartment|apt|suite|unit number|adresszusatz",
    ),
    ("street third", "address line 3|line 3|street 3|address 3"),
    (
        "city",
        "city|town|locality|municipality|ort|stadt|ville|ciudad|citta|cidade|suburb city",
    ),
    (
        "region",
        "region|province|county|bundesland|provincia|provincie|state province|state code|province code|administrative area|subdivision|state or province|regione|etat|state name",
    ),
    ("state", "state"),
    (
        "postal code",
        "postal code|postalcode|zip|zip code|zipcode|postcode|post code|postal|plz|postleitzahl|code postal|codigo postal|cap|cep|pincode",
    ),
    (
        "country",
        "country|country name|land|pays|pais|paese|nation",
    ),
    (
        "country code",
        "country code|countrycode|country iso|country iso 2|country code iso|laendercode|iso country",
    ),
    (
        "language",
        "language|lang|locale|language code|preferred language|preferred locale|sprache|langue|idioma|lingua|preferred communication language",
    ),
    (
        "timezone",
        "timezone|time zone|tz|zeitzone|fuseau horaire|zona horaria",
    ),
    (
        "currency",
        "currency|currency code|waehrung|wahrung|devise|moneda|valuta|moeda",
    ),
    (
        "website",
        "website|web site|homepage|home page|web|webseite|site web|sitio web|sito|website url|domain name",
    ),
    ("url", "url|link|href|uri|permalink"),
    (
        "image",
        "image|photo|picture|avatar|logo|thumbnail|foto|bild|icon|photo url|image url|avatar url|picture url|profile image|profile photo",
    ),
    ("tag", "tag|label tag|schlagwort|etiquette|etiqueta|keyword"),
    (
        "note",
        "note|comment|remark|memo|bemerkung|notiz|commentaire|nota|observation|private note|notiz",
    ),
    (
        "description",
        "description|desc|beschreibung|descripcion|descrizione|descricao|descr|body|detail|summary text",
    ),
    (
        "title",
        "title|subject|titel|titre|titulo|betreff|summary|headline|oggetto",
    ),
    (
        "created date",
        "created|created at|created date|created on|creation date|create date|date created|creation time|created time|create time|date added|added at|inserted at|signup date|sign up date|signed up at|registration date|registered at|registered on|date joined|joined at|joined|member since|opened at|opened date|subscribed at|erstellt|erstellt am|angelegt am|date de creation|cree le|fecha de creacion|creado|data di creazione|creation|created datetime|date creation|optin date|opt in time|signup",
    ),
    (
        "updated date",
        "updated|updated at|updated date|modified|modified at|modified on|last modified|last modified date|last updated|date updated|date modified|update time|updated time|last changed|changed at|modification date|last edited|edited at|geaendert am|geandert am|date de modification|fecha de modificacion|last modified time|last modified at|last update|updated on|modified date|modified time|last updated at",
    ),
    ("deleted date", "deleted|deleted at|date deleted|removed at"),
    (
        "closed date",
        "closed at|closed on|resolved at|completed at|resolution date|completed date|finished at|completed|resolved|done at|date closed|date completed|fulfilled at",
    ),
    (
        "start date",
        "start|start at|starts at|start date|begin|begins at|from date|start time|started at|beginn|starts on",
    ),
    (
        "end date",
        "end|end at|ends at|end date|until|to date|end time|ended at|finish date|ende|ends on",
    ),
    (
        "due date",
        "due|due at|due date|due on|deadline|faellig am|faelligkeit|payment due date|falligkeit|due by",
    ),
    (
        "login date",
        "last login|last login at|last sign in|last sign in at|last signed in|last seen|last seen at|last active at|login at|last login date|signin|last sign",
    ),
    (
        "contacted date",
        "last contacted|last contacted at|last contact date|last activity date",
    ),
    (
        "date",
        "date|at|datetime|time|timestamp|datum|fecha|data ora|day|on|ts",
    ),
    ("id", "id|identifier|guid|uuid|key|ids|pk|kennung"),
    (
        "external id",
        "external id|external reference|external ref|foreign id|reference id|external key|remote id|customer reference|client reference",
    ),
    (
        "number",
        "number|no|nr|num|nummer|numero|code number|ref number",
    ),
    ("reference", "reference|ref|referenz"),
    (
        "quantity",
        "quantity|qty|menge|quantite|cantidad|quantita|units",
    ),
    ("count", "count|n|anzahl|cnt|number of|num of|total number"),
    (
        "price",
        "price|unit price|preis|prix|precio|prezzo|preco|rate|item price",
    ),
    (
        "amount",
        "amount|amt|sum|betrag|montant|importe|importo|valor",
    ),
    (
        "total",
        "total|grand total|total amount|total price|order total|gesamt|gesamtbetrag|total inc tax|amount total|totale",
    ),
    (
        "subtotal",
        "subtotal|sub total|net total|zwischensumme|sub total price|total ex tax|items total",
    ),
    (
        "tax",
        "tax|vat|gst|mwst|iva|tva|ust|steuer|total tax|tax amount|tax total",
    ),
    (
        "tax number",
        "tax number|vat number|vat id|tax id|ust id|steuernummer|vatin|partita iva|nif|tax identifier|tax identification number|vat",
    ),
    (
        "discount",
        "discount|rebate|rabatt|remise|descuento|sconto|coupon|promotion",
    ),
    (
        "shipping",
        "shipping|delivery|freight|shipment|versand|livraison|envio|spedizione|ship|ship to",
    ),
    (
        "billing",
        "billing|bill|bill to|rechnung|facturation|facturacion|invoicing",
    ),
    ("invoice", "invoice|facture|factura|fattura"),
    ("balance", "balance|saldo|solde|outstanding|amount due"),
    (
        "revenue",
        "revenue|turnover|umsatz|annual revenue|sales revenue|chiffre affaires|fatturato|ingresos",
    ),
    (
        "lifetime value",
        "lifetime value|ltv|customer lifetime value|clv|total spent|total spend",
    ),
    (
        "order",
        "order|purchase|bestellung|commande|pedido|ordine|sales order",
    ),
    (
        "product",
        "product|artikel|produit|producto|prodotto|produkt",
    ),
    (
        "item",
        "item|line item|position item|lineitem|custom line item|order item",
    ),
    (
        "sku",
        "sku|article number|item number|product code|artikelnummer",
    ),
    ("weight", "weight|gewicht|poids|peso"),
    (
        "status",
        "status|stato|estado|statut|condition|stage|lifecycle stage|lifecycle",
    ),
    ("type", "type|kind|typ|tipo|art|genre type"),
    ("category", "category|kategorie|categorie|categoria|segment"),
    (
        "priority",
        "priority|prio|prioritaet|prioridad|priorite|importance",
    ),
    ("urgency", "urgency|severity|dringlichkeit"),
    (
        "owner",
        "owner|besitzer|proprietaire|propietario|account manager|sales rep|responsible",
    ),
    (
        "assignee",
        "assignee|assigned to|assigned user|assignment|zustaendig|assigned|agent",
    ),
    ("user", "user|benutzer|utilisateur|usuario|utente"),
    (
        "customer",
        "customer|client|kunde|cliente|kundin|shopper|buyer",
    ),
    ("contact", "contact|kontakt|contatto|contacto|person|people"),
    ("subscriber", "subscriber|abonnent|member|recipient"),
    ("account", "account|konto|compte|cuenta|conto"),
    ("team", "team|group|gruppe|groupe|grupo|gruppo|squad"),
    (
        "active",
        "active|enabled|is active|is enabled|aktiv|actif|activo|attivo",
    ),
    ("archived", "archived|is archived|archiviert"),
    (
        "consent",
        "consent|opt in|optin|marketing consent|newsletter opt in|newsletter|accepts marketing|gdpr consent|email consent|marketing opt in|einwilligung|consentement|permission|allow marketing|email opt in",
    ),
    (
        "unsubscribe",
        "do not email|unsubscribed|opt out|optout|email opt out|do not contact|unsubscribe|dnc|has opted out|opted out",
    ),
    (
        "source",
        "source|lead source|origin|quelle|herkunft|origine|origen|channel|utm source|acquisition source",
    ),
    ("industry", "industry|branche|sector|secteur|settore"),
    (
        "employees",
        "employees|employee count|number of employees|headcount|staff|company size|mitarbeiter|num employees",
    ),
    (
        "employee number",
        "employee number|employee id|personnel number|personalnummer|staff id|employeenumber",
    ),
    ("manager", "manager|supervisor|vorgesetzter|boss"),
    ("score", "score|rating|points|punkte|rank"),
    ("latitude", "latitude|lat|breitengrad"),
    ("longitude", "longitude|lng|lon|long|laengengrad"),
    ("color", "color|colour|farbe|couleur"),
    ("payment", "payment|zahlung|paiement|pago|pagamento"),
    ("method", "method|methode|mode"),
    ("iban", "iban|bank account|kontonummer"),
    ("message", "message|nachricht|msg|mensaje|messaggio"),
    ("version", "version|revision|rev"),
    ("parent", "parent|uebergeordnet|super"),
    ("social", "social|twitter|facebook|linkedin|instagram"),
];

/// Pairs of different words that often mean the same field.
const NEAR: &[(&str, &str, f64)] = &[
    ("state", "region", 0.85),
    ("state", "status", 0.75),
    ("type", "category", 0.6),
    ("note", "description", 0.65),
    ("title", "name", 0.6),
    ("title", "job", 0.6),
    ("description", "title", 0.35),
    ("url", "website", 0.75),
    ("url", "image", 0.5),
    ("owner", "assignee", 0.7),
    ("owner", "user", 0.5),
    ("assignee", "user", 0.6),
    ("customer", "client", 0.9),
    ("user", "contact", 0.4),
    ("customer", "contact", 0.6),
    ("customer", "account", 0.5),
    ("customer", "user", 0.5),
    ("customer", "subscriber", 0.5),
    ("contact", "subscriber", 0.6),
    ("tag", "category", 0.5),
    ("tag", "team", 0.55),
    ("price", "amount", 0.6),
    ("amount", "total", 0.6),
    ("amount", "value", 0.5),
    ("total", "price", 0.5),
    ("priority", "urgency", 0.85),
    ("quantity", "count", 0.6),
    ("number", "id", 0.55),
    ("reference", "id", 0.55),
    ("reference", "number", 0.6),
    ("external", "reference", 0.5),
    ("company", "account", 0.5),
    ("status", "active", 0.55),
    ("status", "archived", 0.4),
    ("status", "unsubscribe", 0.5),
    ("status", "consent", 0.4),
    ("consent", "unsubscribe", 0.45),
    ("revenue", "lifetime", 0.4),
    ("revenue", "value", 0.45),
    ("revenue", "total", 0.5),
    ("mobile", "phone", 0.7),
    ("billing", "invoice", 0.6),
    ("billing", "payment", 0.5),
    ("message", "note", 0.6),
    ("message", "description", 0.55),
    ("item", "product", 0.6),
    ("sku", "product", 0.5),
    ("sku", "item", 0.45),
    ("industry", "category", 0.45),
    ("user", "login", 0.6),
    ("closed", "end", 0.5),
    ("created", "start", 0.4),
    ("created", "date", 0.3),
    ("code", "id", 0.4),
    ("code", "number", 0.5),
    ("street", "address", 0.6),
    ("company", "website", 0.3),
    ("nick", "first", 0.45),
    ("department", "team", 0.5),
    ("channel", "source", 0.6),
    ("status", "banned", 0.5),
    ("status", "locked", 0.5),
    ("status", "suspended", 0.5),
    ("status", "blocked", 0.5),
    ("domain", "website", 0.6),
    ("domain", "email", 0.3),
    ("group", "tag", 0.55),
    ("tax", "taxability", 0.8),
    ("service", "category", 0.4),
    ("service", "product", 0.4),
    ("employee", "external", 0.3),
];

static DICTIONARY: LazyLock<HashMap<&'static str, Vec<&'static str>>> = LazyLock::new(|| {
    let mut map = HashMap::new();
    for (canonical, others) in SYNONYMS {
        let words: Vec<&'static str> = canonical.split(' ').collect();
        for phrase in others.split('|') {
            map.entry(phrase).or_insert_with(|| words.clone());
        }
    }
    map
});

static RELATED: LazyLock<HashMap<(&'static str, &'static str), f64>> = LazyLock::new(|| {
    NEAR.iter()
        .map(|&(left, right, score)| {
            (
                if left < right {
                    (left, right)
                } else {
                    (right, left)
                },
                score,
            )
        })
        .collect()
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_different_manners_and_languages_meet() {
        for (name, expected) in [
            ("emailAddress", "email"),
            ("E-Mail", "email"),
            ("postleitzahl", "postal code"),
            ("zipCode", "postal code"),
            ("first_name", "first name"),
            ("Prénom", "first name"),
            ("phone_e164", "phone e164"),
            ("HTMLBody", "html description"),
            ("addressLine2", "street second"),
            ("companies", "company"),
            ("created_at", "created date"),
            ("signup_date", "created date"),
            ("custom_field_7", "custom field 7"),
        ] {
            assert_eq!(words(name).join(" "), expected, "{name}");
        }
    }
}

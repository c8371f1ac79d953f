//! Countries: codes (ISO 3166-1), names as people write them, calling codes and trunk prefixes (ITU-T E.164).
//!
//! Names are folded: small letters, no accents, no punctuation. Languages: English, the country's own,
//! and the neighbours' where contacts tend to have them.

use std::collections::HashMap;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization as _;

/// One country.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Country {
    pub(crate) alpha2: &'static str,
    pub(crate) alpha3: &'static str,
    /// Without the plus sign.
    pub(crate) calling: &'static str,
    /// What is dialled before a number within the country, and left out from abroad; several with commas,
    /// the longest first.
    pub(crate) trunk: &'static str,
    names: &'static [&'static str],
}

/// The country with this two- or three-letter code, in any case.
pub(crate) fn by_code(code: &str) -> Option<&'static Country> {
    let code = code.trim();
    if !(2..=3).contains(&code.len()) {
        return None;
    }
    let mut folded = compact_str::CompactString::from(code);
    folded.make_ascii_uppercase();
    BY_CODE.get(folded.as_str()).copied()
}

/// The country of this code or name.
pub(crate) fn find(text: &str) -> Option<&'static Country> {
    const LONGEST: usize = 80;
    if text.len() > LONGEST {
        return None;
    }
    by_code(text)
        .or_else(|| plain_name(text))
        .or_else(|| BY_NAME.get(fold(text).as_str()).copied())
}

/// The code of the largest country with this calling code.
pub(crate) fn by_calling(code: &str) -> Option<&'static str> {
    match code {
        "1" => Some("US"),
        "7" => Some("RU"),
        "39" => Some("IT"),
        "44" => Some("GB"),
        _ => COUNTRIES
            .iter()
            .find(|country| country.calling == code)
            .map(|country| country.alpha2),
    }
}

/// The common case without Unicode tables: ASCII as it stands.
fn plain_name(text: &str) -> Option<&'static Country> {
    if !text.is_ascii() {
        return None;
    }
    let mut name = compact_str::CompactString::from(text.trim());
    name.make_ascii_lowercase();
    BY_NAME.get(name.as_str()).copied()
}

/// Small letters and digits, one space between words, no accents, no leading article.
fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let letters = text
        .nfd()
        .filter(|c| !unicode_normalization::char::is_combining_mark(*c));
    for c in letters.flat_map(char::to_lowercase) {
        match c {
            'ß' => out.push_str("ss"),
            'ø' => out.push('o'),
            'ł' => out.push('l'),
            'ı' => out.push('i'),
            '&' => out.push_str(" and "),
            '\'' | '’' => {}
            c if c.is_alphanumeric() => out.push(c),
            _ => {
                if !out.ends_with(' ') && !out.is_empty() {
                    out.push(' ');
                }
            }
        }
    }
    let words: Vec<&str> = out.split_whitespace().collect();
    let words = match words.split_first() {
        Some((&"the", rest)) if !rest.is_empty() => rest,
        _ => &words,
    };
    words.join(" ")
}

static BY_CODE: LazyLock<HashMap<&'static str, &'static Country>> = LazyLock::new(|| {
    COUNTRIES
        .iter()
        .flat_map(|country| [(country.alpha2, country), (country.alpha3, country)])
        .collect()
});

static BY_NAME: LazyLock<HashMap<&'static str, &'static Country>> = LazyLock::new(|| {
    COUNTRIES
        .iter()
        .flat_map(|country| country.names.iter().map(move |name| (*name, country)))
        .collect()
});

const fn c(
    alpha2: &'static str,
    alpha3: &'static str,
    calling: &'static str,
    trunk: &'static str,
    names: &'static [&'static str],
) -> Country {
    Country {
        alpha2,
        alpha3,
        calling,
        trunk,
        names,
    }
}

#[rustfmt::skip]
static COUNTRIES: &[Country] = &[
    c("AF", "AFG", "93", "0", &["afghanistan"]),
    c("AL", "ALB", "355", "0", &["albania", "shqiperia"]),
    c("DZ", "DZA", "213", "0", &["algeria", "algerie"]),
    c("AD", "AND", "376", "", &["andorra"]),
    c("AO", "AGO", "244", "", &["angola"]),
    c("AG", "ATG", "1", "1", &["antigua and barbuda"]),
    c("AR", "ARG", "54", "0", &["argentina", "argentinien", "argentine"]),
    c("AM", "ARM", "374", "0", &["armenia"]),
    c("AU", "AUS", "61", "0", &["australia", "australien"]),
    c("AT", "AUT", "43", "0", &["austria", "osterreich", "oesterreich", "autriche"]),
    c("AZ", "AZE", "994", "0", &["azerbaijan"]),
    c("BS", "BHS", "1", "1", &["bahamas"]),
    c("BH", "BHR", "973", "", &["bahrain"]),
    c("BD", "BGD", "880", "0", &["bangladesh"]),
    c("BB", "BRB", "1", "1", &["barbados"]),
    c("BY", "BLR", "375", "80,8", &["belarus"]),
    c("BE", "BEL", "32", "0", &["belgium", "belgien", "belgique", "belgie"]),
    c("BZ", "BLZ", "501", "", &["belize"]),
    c("BJ", "BEN", "229", "", &["benin"]),
    c("BM", "BMU", "1", "1", &["bermuda"]),
    c("BT", "BTN", "975", "", &["bhutan"]),
    c("BO", "BOL", "591", "0", &["bolivia", "plurinational state of bolivia"]),
    c("BA", "BIH", "387", "0", &["bosnia and herzegovina", "bosna i hercegovina", "bosnia"]),
    c("BW", "BWA", "267", "", &["botswana"]),
    c("BR", "BRA", "55", "0", &["brazil", "brasil", "brasilien", "bresil"]),
    c("BN", "BRN", "673", "", &["brunei", "brunei darussalam"]),
    c("BG", "BGR", "359", "0", &["bulgaria", "balgariya", "bulgarien"]),
    c("BF", "BFA", "226", "", &["burkina faso"]),
    c("BI", "BDI", "257", "", &["burundi"]),
    c("KH", "KHM", "855", "0", &["cambodia"]),
    c("CM", "CMR", "237", "", &["cameroon", "cameroun"]),
    c("CA", "CAN", "1", "1", &["canada", "kanada"]),
    c("CV", "CPV", "238", "", &["cape verde", "cabo verde"]),
    c("CF", "CAF", "236", "", &["central african republic"]),
    c("TD", "TCD", "235", "", &["chad", "tchad"]),
    c("CL", "CHL", "56", "", &["chile"]),
    c("CN", "CHN", "86", "0", &["china", "peoples republic of china", "zhongguo"]),
    c("CO", "COL", "57", "", &["colombia", "kolumbien"]),
    c("KM", "COM", "269", "", &["comoros"]),
    c("CG", "COG", "242", "", &["congo", "republic of the congo"]),
    c("CD", "COD", "243", "0", &["democratic republic of the congo", "dr congo", "congo kinshasa"]),
    c("CR", "CRI", "506", "", &["costa rica"]),
    c("CI", "CIV", "225", "", &["ivory coast", "cote divoire"]),
    c("HR", "HRV", "385", "0", &["croatia", "hrvatska", "kroatien"]),
    c("CU", "CUB", "53", "0", &["cuba"]),
    c("CY", "CYP", "357", "", &["cyprus", "kypros", "zypern"]),
    c("CZ", "CZE", "420", "", &["czech republic", "czechia", "cesko", "ceska republika", "tschechien"]),
    c("DK", "DNK", "45", "", &["denmark", "danmark", "danemark"]),
    c("DJ", "DJI", "253", "", &["djibouti"]),
    c("DM", "DMA", "1", "1", &["dominica"]),
    c("DO", "DOM", "1", "1", &["dominican republic", "republica dominicana"]),
    c("EC", "ECU", "593", "0", &["ecuador"]),
    c("EG", "EGY", "20", "0", &["egypt", "misr", "agypten"]),
    c("SV", "SLV", "503", "", &["el salvador"]),
    c("GQ", "GNQ", "240", "", &["equatorial guinea"]),
    c("ER", "ERI", "291", "0", &["eritrea"]),
    c("EE", "EST", "372", "", &["estonia", "eesti", "estland"]),
    c("SZ", "SWZ", "268", "", &["eswatini", "swaziland"]),
    c("ET", "ETH", "251", "0", &["ethiopia"]),
    c("FJ", "FJI", "679", "", &["fiji"]),
    c("FI", "FIN", "358", "0", &["finland", "suomi", "finnland"]),
    c("FR", "FRA", "33", "0", &["france", "frankreich", "francia"]),
    c("GA", "GAB", "241", "", &["gabon"]),
    c("GM", "GMB", "220", "", &["gambia"]),
    c("GE", "GEO", "995", "0", &["georgia", "sakartvelo"]),
    c("DE", "DEU", "49", "0", &["germany", "deutschland", "allemagne", "alemania", "germania", "alemanha", "federal republic of germany"]),
    c("GH", "GHA", "233", "0", &["ghana"]),
    c("GI", "GIB", "350", "", &["gibraltar"]),
    c("GR", "GRC", "30", "", &["greece", "hellas", "ellada", "griechenland", "grece"]),
    c("GL", "GRL", "299", "", &["greenland"]),
    c("GD", "GRD", "1", "1", &["grenada"]),
    c("GT", "GTM", "502", "", &["guatemala"]),
    c("GG", "GGY", "44", "0", &["guernsey"]),
    c("GN", "GIN", "224", "", &["guinea"]),
    c("GW", "GNB", "245", "", &["guinea bissau"]),
    c("GY", "GUY", "592", "", &["guyana"]),
    c("HT", "HTI", "509", "", &["haiti"]),
    c("HN", "HND", "504", "", &["honduras"]),
    c("HK", "HKG", "852", "", &["hong kong"]),
    c("HU", "HUN", "36", "06", &["hungary", "magyarorszag", "ungarn"]),
    c("IS", "ISL", "354", "", &["iceland", "island"]),
    c("IN", "IND", "91", "0", &["india", "bharat", "indien"]),
    c("ID", "IDN", "62", "0", &["indonesia"]),
    c("IR", "IRN", "98", "0", &["iran", "islamic republic of iran"]),
    c("IQ", "IRQ", "964", "0", &["iraq"]),
    c("IE", "IRL", "353", "0", &["ireland", "eire", "irland", "republic of ireland"]),
    c("IM", "IMN", "44", "0", &["isle of man"]),
    c("IL", "ISR", "972", "0", &["israel"]),
    c("IT", "ITA", "39", "", &["italy", "italia", "italien", "italie"]),
    c("JM", "JAM", "1", "1", &["jamaica"]),
    c("JP", "JPN", "81", "0", &["japan", "nippon", "nihon"]),
    c("JE", "JEY", "44", "0", &["jersey"]),
    c("JO", "JOR", "962", "0", &["jordan"]),
    c("KZ", "KAZ", "7", "8", &["kazakhstan"]),
    c("KE", "KEN", "254", "0", &["kenya"]),
    c("KI", "KIR", "686", "", &["kiribati"]),
    c("XK", "XKX", "383", "0", &["kosovo"]),
    c("KW", "KWT", "965", "", &["kuwait"]),
    c("KG", "KGZ", "996", "0", &["kyrgyzstan"]),
    c("LA", "LAO", "856", "0", &["laos", "lao peoples democratic republic"]),
    c("LV", "LVA", "371", "", &["latvia", "latvija", "lettland"]),
    c("LB", "LBN", "961", "0", &["lebanon", "liban"]),
    c("LS", "LSO", "266", "", &["lesotho"]),
    c("LR", "LBR", "231", "0", &["liberia"]),
    c("LY", "LBY", "218", "0", &["libya"]),
    c("LI", "LIE", "423", "", &["liechtenstein"]),
    c("LT", "LTU", "370", "0", &["lithuania", "lietuva", "litauen"]),
    c("LU", "LUX", "352", "", &["luxembourg", "luxemburg", "letzebuerg"]),
    c("MO", "MAC", "853", "", &["macao", "macau"]),
    c("MG", "MDG", "261", "0", &["madagascar"]),
    c("MW", "MWI", "265", "0", &["malawi"]),
    c("MY", "MYS", "60", "0", &["malaysia"]),
    c("MV", "MDV", "960", "", &["maldives"]),
    c("ML", "MLI", "223", "", &["mali"]),
    c("MT", "MLT", "356", "", &["malta"]),
    c("MH", "MHL", "692", "1", &["marshall islands"]),
    c("MR", "MRT", "222", "", &["mauritania"]),
    c("MU", "MUS", "230", "", &["mauritius"]),
    c("MX", "MEX", "52", "", &["mexico", "mexiko", "mexique"]),
    c("FM", "FSM", "691", "1", &["micronesia"]),
    c("MD", "MDA", "373", "0", &["moldova", "republic of moldova"]),
    c("MC", "MCO", "377", "", &["monaco"]),
    c("MN", "MNG", "976", "0", &["mongolia"]),
    c("ME", "MNE", "382", "0", &["montenegro", "crna gora"]),
    c("MA", "MAR", "212", "0", &["morocco", "maroc", "marokko"]),
    c("MZ", "MOZ", "258", "", &["mozambique", "mocambique"]),
    c("MM", "MMR", "95", "0", &["myanmar", "burma"]),
    c("NA", "NAM", "264", "0", &["namibia"]),
    c("NR", "NRU", "674", "", &["nauru"]),
    c("NP", "NPL", "977", "0", &["nepal"]),
    c("NL", "NLD", "31", "0", &["netherlands", "holland", "nederland", "niederlande", "pays bas"]),
    c("NZ", "NZL", "64", "0", &["new zealand", "aotearoa", "neuseeland"]),
    c("NI", "NIC", "505", "", &["nicaragua"]),
    c("NE", "NER", "227", "", &["niger"]),
    c("NG", "NGA", "234", "0", &["nigeria"]),
    c("KP", "PRK", "850", "0", &["north korea", "democratic peoples republic of korea"]),
    c("MK", "MKD", "389", "0", &["north macedonia", "macedonia"]),
    c("NO", "NOR", "47", "", &["norway", "norge", "norwegen", "norvege"]),
    c("OM", "OMN", "968", "", &["oman"]),
    c("PK", "PAK", "92", "0", &["pakistan"]),
    c("PW", "PLW", "680", "", &["palau"]),
    c("PS", "PSE", "970", "0", &["palestine", "state of palestine"]),
    c("PA", "PAN", "507", "", &["panama"]),
    c("PG", "PNG", "675", "", &["papua new guinea"]),
    c("PY", "PRY", "595", "0", &["paraguay"]),
    c("PE", "PER", "51", "0", &["peru"]),
    c("PH", "PHL", "63", "0", &["philippines", "pilipinas"]),
    c("PL", "POL", "48", "", &["poland", "polska", "polen", "pologne"]),
    c("PT", "PRT", "351", "", &["portugal"]),
    c("PR", "PRI", "1", "1", &["puerto rico"]),
    c("QA", "QAT", "974", "", &["qatar"]),
    c("RO", "ROU", "40", "0", &["romania", "rumanien", "roumanie"]),
    c("RU", "RUS", "7", "8", &["russia", "russian federation", "rossiya", "russland"]),
    c("RW", "RWA", "250", "", &["rwanda"]),
    c("KN", "KNA", "1", "1", &["saint kitts and nevis"]),
    c("LC", "LCA", "1", "1", &["saint lucia"]),
    c("VC", "VCT", "1", "1", &["saint vincent and the grenadines"]),
    c("WS", "WSM", "685", "", &["samoa"]),
    c("SM", "SMR", "378", "", &["san marino"]),
    c("ST", "STP", "239", "", &["sao tome and principe"]),
    c("SA", "SAU", "966", "0", &["saudi arabia"]),
    c("SN", "SEN", "221", "", &["senegal"]),
    c("RS", "SRB", "381", "0", &["serbia", "srbija", "serbien"]),
    c("SC", "SYC", "248", "", &["seychelles"]),
    c("SL", "SLE", "232", "0", &["sierra leone"]),
    c("SG", "SGP", "65", "", &["singapore", "singapur"]),
    c("SK", "SVK", "421", "0", &["slovakia", "slovak republic", "slovensko", "slowakei"]),
    c("SI", "SVN", "386", "0", &["slovenia", "slovenija", "slowenien"]),
    c("SB", "SLB", "677", "", &["solomon islands"]),
    c("SO", "SOM", "252", "0", &["somalia"]),
    c("ZA", "ZAF", "27", "0", &["south africa", "sudafrika"]),
    c("KR", "KOR", "82", "0", &["south korea", "korea", "republic of korea", "hanguk"]),
    c("SS", "SSD", "211", "0", &["south sudan"]),
    c("ES", "ESP", "34", "", &["spain", "espana", "spanien", "espagne", "spagna"]),
    c("LK", "LKA", "94", "0", &["sri lanka"]),
    c("SD", "SDN", "249", "0", &["sudan"]),
    c("SR", "SUR", "597", "0", &["suriname"]),
    c("SE", "SWE", "46", "0", &["sweden", "sverige", "schweden", "suede"]),
    c("CH", "CHE", "41", "0", &["switzerland", "schweiz", "suisse", "svizzera", "svizra"]),
    c("SY", "SYR", "963", "0", &["syria", "syrian arab republic"]),
    c("TW", "TWN", "886", "0", &["taiwan"]),
    c("TJ", "TJK", "992", "0", &["tajikistan"]),
    c("TZ", "TZA", "255", "0", &["tanzania", "united republic of tanzania"]),
    c("TH", "THA", "66", "0", &["thailand"]),
    c("TL", "TLS", "670", "", &["timor leste", "east timor"]),
    c("TG", "TGO", "228", "", &["togo"]),
    c("TO", "TON", "676", "", &["tonga"]),
    c("TT", "TTO", "1", "1", &["trinidad and tobago"]),
    c("TN", "TUN", "216", "", &["tunisia", "tunisie"]),
    c("TR", "TUR", "90", "0", &["turkey", "turkiye", "turkei", "turquie"]),
    c("TM", "TKM", "993", "8", &["turkmenistan"]),
    c("TV", "TUV", "688", "", &["tuvalu"]),
    c("UG", "UGA", "256", "0", &["uganda"]),
    c("UA", "UKR", "380", "80,0", &["ukraine", "ukraina"]),
    c("AE", "ARE", "971", "0", &["united arab emirates", "uae", "emirates"]),
    c("GB", "GBR", "44", "0", &["united kingdom", "great britain", "uk", "england", "scotland", "wales", "northern ireland", "vereinigtes konigreich", "royaume uni", "reino unido", "united kingdom of great britain and northern ireland"]),
    c("US", "USA", "1", "1", &["united states", "united states of america", "america", "usa", "u s a", "u s", "vereinigte staaten", "etats unis", "estados unidos", "stati uniti"]),
    c("UY", "URY", "598", "0", &["uruguay"]),
    c("UZ", "UZB", "998", "0", &["uzbekistan"]),
    c("VU", "VUT", "678", "", &["vanuatu"]),
    c("VA", "VAT", "39", "", &["vatican", "holy see", "vatican city"]),
    c("VE", "VEN", "58", "0", &["venezuela", "bolivarian republic of venezuela"]),
    c("VN", "VNM", "84", "0", &["vietnam", "viet nam"]),
    c("YE", "YEM", "967", "0", &["yemen"]),
    c("ZM", "ZMB", "260", "0", &["zambia"]),
    c("ZW", "ZWE", "263", "0", &["zimbabwe"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_consistent() {
        assert_eq!(BY_CODE.len(), 2 * COUNTRIES.len(), "a code stands twice");
        let names: usize = COUNTRIES.iter().map(|country| country.names.len()).sum();
        assert_eq!(BY_NAME.len(), names, "a name stands twice");
        for country in COUNTRIES {
            assert_eq!((country.alpha2.len(), country.alpha3.len()), (2, 3));
            assert!(
                country
                    .calling
                    .bytes()
                    .chain(country.trunk.bytes())
                    .all(|byte| byte.is_ascii_digit() || byte == b',')
            );
            for name in country.names {
                assert_eq!(find(name), Some(country), "{name}");
                assert_eq!(fold(name), *name);
            }
        }
    }

    #[test]
    fn names_are_found_as_people_write_them() {
        for (text, code) in [
            ("Österreich", "AT"),
            ("  the Netherlands ", "NL"),
            ("Côte d’Ivoire", "CI"),
            ("U.S.A.", "US"),
            ("Trinidad & Tobago", "TT"),
            ("TÜRKİYE", "TR"),
            ("bra", "BR"),
            ("de", "DE"),
        ] {
            assert_eq!(
                find(text).map(|country| country.alpha2),
                Some(code),
                "{text}"
            );
        }
        for text in ["", "Atlantis", "n/a", "x"] {
            assert_eq!(find(text), None, "{text}");
        }
    }
}

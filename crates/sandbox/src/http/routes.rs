//! Every route of both platforms in one table.

use axum::{
    Router,
    extract::{Request, State},
    http::header,
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::{MethodFilter, MethodRouter, on},
};

use super::{
    call::{Answer, Call},
    gate::{ApiCall, OpenCall, Shared, SiteCall},
};
use crate::{
    Platform, control, doors, graphql,
    oauth::{device, endpoints, odd},
    records_page as pages,
    rest::{batch::batch, import, jobs, listing, record},
    world::Stream,
};

type Routes = MethodRouter<Shared>;

fn api(method: MethodFilter, stream: Stream, scope: Option<&'static str>, act: ApiCall) -> Routes {
    on(method, move |State(shared): State<Shared>, call: Call| {
        shared.api(call, stream, scope, act)
    })
}

fn site(method: MethodFilter, platform: Platform, act: SiteCall) -> Routes {
    on(method, move |State(shared): State<Shared>, call: Call| {
        shared.site(call, platform, act)
    })
}

fn open(method: MethodFilter, act: OpenCall) -> Routes {
    on(method, move |State(shared): State<Shared>, call: Call| {
        shared.open(call, act)
    })
}

/// Create, change and delete, beside listing and reading.
fn writable(
    router: Router<Shared>,
    stream: Stream,
    read: &'static str,
    write: &'static str,
    list: ApiCall,
) -> Router<Shared> {
    let (read, write) = (Some(read), Some(write));
    let path = stream.path();
    let one = api(MethodFilter::GET, stream, read, record::get)
        .merge(api(MethodFilter::PATCH, stream, write, record::patch))
        .merge(api(MethodFilter::PUT, stream, write, record::put))
        .merge(api(MethodFilter::DELETE, stream, write, record::delete));
    let all = api(MethodFilter::GET, stream, read, list).merge(api(
        MethodFilter::POST,
        stream,
        write,
        record::create,
    ));
    router
        .route(&path, all)
        .route(&format!("{path}/{{id}}"), one)
        .route(
            &format!("{path}/batch"),
            api(MethodFilter::POST, stream, write, batch),
        )
        .route(
            &format!("{path}/import"),
            api(MethodFilter::POST, stream, write, import::import),
        )
        .route(
            &format!("{path}/sync"),
            api(MethodFilter::POST, stream, write, import::sync),
        )
        .route(
            &format!("{path}/by-email/{{email}}"),
            api(MethodFilter::PUT, stream, write, import::by_email),
        )
        .route(
            &format!("{path}/options/{{field}}"),
            api(MethodFilter::GET, stream, read, import::options),
        )
        .route(
            &format!("{path}/jobs"),
            api(MethodFilter::POST, stream, write, jobs::submit),
        )
        .route(
            &format!("{path}/jobs/{{id}}"),
            api(MethodFilter::GET, stream, write, jobs::show),
        )
        .route(
            &format!("{path}/jobs/{{id}}/results"),
            api(MethodFilter::GET, stream, write, jobs::results),
        )
        .route(
            &path.replace(stream.name(), &format!("schema/{}", stream.name())),
            api(MethodFilter::GET, stream, read, record::schema),
        )
}

fn readable(
    router: Router<Shared>,
    stream: Stream,
    scope: &'static str,
    list: ApiCall,
) -> Router<Shared> {
    let path = stream.path();
    router
        .route(&path, api(MethodFilter::GET, stream, Some(scope), list))
        .route(
            &format!("{path}/{{id}}"),
            api(MethodFilter::GET, stream, Some(scope), record::get),
        )
}

fn signing_in(router: Router<Shared>, platform: Platform) -> Router<Shared> {
    use MethodFilter as M;
    let name = platform.name();
    let metadata = || site(M::GET, platform, endpoints::metadata);
    router
        .route(
            &format!("/{name}/.well-known/oauth-authorization-server"),
            metadata(),
        )
        .route(
            &format!("/.well-known/oauth-authorization-server/{name}"),
            metadata(),
        )
        .route(
            &format!("/{name}/oauth/authorize"),
            site(M::GET, platform, endpoints::authorize),
        )
        .route(
            &format!("/{name}/oauth/login"),
            site(M::GET, platform, endpoints::show_login).merge(site(
                M::POST,
                platform,
                endpoints::login,
            )),
        )
        .route(
            &format!("/{name}/oauth/consent"),
            site(M::GET, platform, endpoints::show_consent).merge(site(
                M::POST,
                platform,
                endpoints::consent,
            )),
        )
        .route(
            &format!("/{name}/oauth/token"),
            site(M::POST, platform, endpoints::token),
        )
        .route(
            &format!("/{name}/oauth/revoke"),
            site(M::POST, platform, endpoints::revoke),
        )
        .route(
            &format!("/{name}/oauth/device"),
            site(M::POST, platform, device::begin),
        )
        .route(
            &format!("/{name}/oauth/odd/{{id}}"),
            site(M::POST, platform, odd::token).merge(site(M::GET, platform, odd::token)),
        )
        .route(
            &format!("/{name}/device"),
            site(M::GET, platform, device::show).merge(site(M::POST, platform, device::enter)),
        )
        .route(&format!("/{name}"), site(M::GET, platform, pages::go_home))
        .route(&format!("/{name}/"), site(M::GET, platform, pages::list))
        .route(
            &format!("/{name}/records/{{id}}"),
            site(M::GET, platform, pages::show).merge(site(M::POST, platform, pages::save)),
        )
        .route(
            &format!("/{name}/change"),
            site(M::POST, platform, pages::change),
        )
}

/// Addresses that each let requests in in their own way.
fn behind_doors(router: Router<Shared>) -> Router<Shared> {
    use MethodFilter as M;
    let any = || {
        open(
            M::GET.or(M::POST).or(M::PUT).or(M::PATCH).or(M::DELETE),
            doors::enter,
        )
    };
    router
        .route("/doors/{id}", any())
        .route("/doors/{id}/{*rest}", any())
        .route(
            "/doors/session/login",
            open(M::POST, doors::login).merge(open(M::DELETE, doors::end)),
        )
        .route("/doors/session/cookie", open(M::POST, doors::cookie_login))
        .route("/doors/session/challenge", open(M::GET, doors::challenge))
        .route("/doors/session/token", open(M::POST, doors::token_login))
        .route("/doors/legacy/session", open(M::POST, doors::legacy_login))
        .route("/doors/legacy/current", open(M::GET, doors::is_current))
        .route(
            "/doors/oauth1/request_token",
            open(M::POST, doors::request_token),
        )
        .route(
            "/doors/oauth1/authorize",
            open(M::GET, doors::authorize).merge(open(M::POST, doors::decide)),
        )
        .route(
            "/doors/oauth1/access_token",
            open(M::POST, doors::access_token),
        )
}

pub(crate) fn router(shared: Shared) -> Router {
    use MethodFilter as M;
    let mut router = Router::new();
    for platform in [Platform::Harbor, Platform::Postino] {
        router = signing_in(router, platform);
    }
    router = behind_doors(router);
    router = router
        .route(
            "/harbor/api/v1/me",
            api(M::GET, Stream::Contacts, None, record::me),
        )
        .route(
            "/postino/api/me",
            api(M::GET, Stream::Subscribers, None, record::me),
        );
    router = writable(
        router,
        Stream::Contacts,
        "contacts.read",
        "contacts.write",
        listing::by_cursor,
    );
    router = router.route(
        "/harbor/api/v1/deleted_contacts",
        api(
            M::GET,
            Stream::Contacts,
            Some("contacts.read"),
            listing::deleted,
        ),
    );
    router = router.route(
        "/harbor/api/v1/contact_changes",
        api(
            M::GET,
            Stream::Contacts,
            Some("contacts.read"),
            listing::changes,
        ),
    );
    router = readable(
        router,
        Stream::Companies,
        "companies.read",
        listing::by_link,
    );
    router = readable(router, Stream::Deals, "deals.read", listing::by_offset);
    router = writable(
        router,
        Stream::Subscribers,
        "subscribers:read",
        "subscribers:write",
        listing::by_page,
    );
    router = readable(router, Stream::Lists, "lists:read", listing::by_page);
    router = readable(
        router,
        Stream::Campaigns,
        "campaigns:read",
        listing::by_page,
    );
    router
        .route(
            "/harbor/graphql",
            api(
                M::POST,
                Stream::Contacts,
                Some("contacts.read"),
                graphql::answer,
            ),
        )
        .route("/", open(M::GET, pages::front))
        .route("/control", open(M::GET, control::overview))
        .route(
            "/control/faults",
            open(M::GET, control::faults)
                .merge(open(M::PUT, control::set_faults))
                .merge(open(M::DELETE, control::clear_faults)),
        )
        .route(
            "/control/counters",
            open(M::GET, control::counters).merge(open(M::DELETE, control::reset_counters)),
        )
        .route(
            "/control/contacts/edit",
            open(M::POST, control::edit_contacts),
        )
        .route(
            "/control/contacts/delete",
            open(M::POST, control::delete_contacts),
        )
        .route(
            "/control/contacts/create",
            open(M::POST, control::create_contacts),
        )
        .route(
            "/control/subscribers/edit",
            open(M::POST, control::edit_subscribers),
        )
        .route(
            "/control/subscribers/delete",
            open(M::POST, control::delete_subscribers),
        )
        .route("/control/records/{*stream}", open(M::GET, control::records))
        .route(
            "/control/tokens/expire",
            open(M::POST, control::expire_tokens),
        )
        .route(
            "/control/tokens/revoke",
            open(M::POST, control::revoke_tokens),
        )
        .route("/control/clock", open(M::POST, control::advance_clock))
        .route("/control/reset", open(M::POST, control::reset))
        .fallback(async || Answer::error(404, "no_such_route", "there is nothing at this address"))
        .method_not_allowed_fallback(async || {
            Answer::error(
                405,
                "method_not_allowed",
                "this address does not know this method",
            )
        })
        .layer(middleware::from_fn(only_here))
        .with_state(shared)
}

/// A page elsewhere may point its own name at 127.0.0.1; it still sends that name.
async fn only_here(request: Request, next: Next) -> Response {
    let host = request
        .headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let name = host.map(|host| match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    });
    match name {
        Some("127.0.0.1" | "localhost" | "[::1]") => next.run(request).await,
        _ => Answer::error(403, "foreign_host", "this server answers to 127.0.0.1 only")
            .into_response(),
    }
}

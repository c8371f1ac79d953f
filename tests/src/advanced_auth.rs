//! How a low-code connector file describes Harbor's sign-in in the browser.

/// The end of a file, below `advanced_auth` of its `spec`: tokens go to `credentials` of the settings.
pub const HARBOR: &str = r#"    oauth_config_specification:
      oauth_user_input_from_connector_config_specification:
        properties: {base: {type: string, path_in_connector_config: [base_url]}}
      oauth_connector_input_specification:
        consent_url: "{{ base }}/oauth/authorize?client_id={{ client_id_value }}&redirect_uri={{ redirect_uri_value | urlencode }}&state={{ state_value }}&scope={{ scopes_value }}&response_type=code"
        access_token_url: "{{ base }}/oauth/token"
        scopes: [{scope: contacts.read}]
      complete_oauth_output_specification:
        properties:
          access_token: {type: string, path_in_connector_config: [credentials, access_token]}
          refresh_token: {type: string, path_in_connector_config: [credentials, refresh_token]}
      complete_oauth_server_output_specification:
        properties:
          client_id: {type: string, path_in_connector_config: [credentials, client_id]}
          client_secret: {type: string, path_in_connector_config: [credentials, client_secret]}
"#;

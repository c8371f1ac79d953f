//! Every command there is, once. The adapters of the shells, the TypeScript types and the cache rules
//! all come from this list.

/// Calls `$apply!` with the list: `name(Request) -> Response, query|mutation, [tags];`
///
/// A *query* provides its tags, a *mutation* invalidates them.
macro_rules! commands {
    ($apply:ident) => {
        $apply! {
            // the application
            get_app_status(Nothing) -> AppStatus, query, [App];
            get_overview(Nothing) -> Overview, query, [Connections, Syncs, Runs];
            start_sample_platforms(Nothing) -> SamplePlatforms, mutation, [App, Connectors];
            get_settings(Nothing) -> Settings, query, [Settings];
            update_settings(Settings) -> Settings, mutation, [Settings, Syncs];
            get_storage(Nothing) -> Storage, query, [RunRecords];
            // connectors
            list_connectors(Nothing) -> Vec<ConnectorSummary>, query, [Connectors];
            get_connector(ConnectorRef) -> ConnectorDetail, query, [Connectors, Connections];
            get_connector_text(GetConnectorText) -> ConnectorText, query, [Connectors];
            get_connector_schema(Nothing) -> ConnectorSchema, query, [];
            validate_connector(ValidateConnector) -> ConnectorReport, query, [Connectors];
            compare_connector(CompareConnector) -> ConnectorComparison, query, [Connectors, Connections, Syncs];
            save_connector(SaveConnector) -> SavedConnector, mutation, [Connectors, Connections, Streams, Mapping, App];
            use_connector_version(ConnectorVersionRef) -> SavedConnector, mutation, [Connectors, Connections, Streams, Mapping, App];
            delete_connector(ConnectorRef) -> Vec<NamedConnection>, mutation, [Connectors, Connections, Streams, Mapping, App];
            restore_connector(ConnectorRef) -> SavedConnector, mutation, [Connectors, Connections, Streams, Mapping, App];
            start_try(StartTry) -> TryRef, mutation, [];
            next_try_page(TryRef) -> TryPage, mutation, [];
            stop_try(TryRef) -> Nothing, mutation, [];
            // connections
            list_connections(Nothing) -> Vec<ConnectionSummary>, query, [Connections, Syncs];
            get_connection(ConnectionRef) -> ConnectionDetail, query, [Connections, Streams];
            start_connect(StartConnect) -> ConnectFlow, mutation, [];
            get_connect_flow(FlowRef) -> ConnectFlow, query, [];
            open_connect_page(FlowRef) -> ConnectFlow, mutation, [];
            paste_redirect(PasteRedirect) -> ConnectFlow, mutation, [];
            cancel_connect(FlowRef) -> ConnectFlow, mutation, [];
            test_connection(ConnectionRef) -> TestResult, mutation, [Connections];
            rename_connection(RenameConnection) -> ConnectionSummary, mutation, [Connections, Syncs];
            delete_connection(ConnectionRef) -> Vec<NamedSync>, mutation, [Connections, Syncs];
            restore_connection(ConnectionRef) -> ConnectionSummary, mutation, [Connections, Syncs];
            describe_stream(StreamRequest) -> StreamDetail, query, [Streams];
            // syncs and mapping
            list_syncs(Nothing) -> Vec<SyncSummary>, query, [Syncs, Runs, Connections];
            get_sync(SyncRef) -> SyncDetail, query, [Syncs, Mapping, Streams];
            create_sync(CreateSync) -> SyncSummary, mutation, [Syncs];
            save_draft(SaveDraft) -> SyncSummary, mutation, [Syncs];
            publish_sync(SyncRef) -> SyncSummary, mutation, [Syncs, Mapping];
            pause_sync(PauseSync) -> SyncSummary, mutation, [Syncs];
            discard_draft(SyncRef) -> SyncDetail, mutation, [Syncs, Mapping];
            delete_sync(SyncRef) -> Nothing, mutation, [Syncs];
            restore_sync(SyncRef) -> SyncSummary, mutation, [Syncs];
            export_sync(SyncRef) -> ExportedSync, query, [Syncs];
            get_samples(SampleRequest) -> Samples, query, [Samples];
            check_mapping(CheckMapping) -> MappingReport, query, [Streams, Samples];
            preview_mapping(PreviewMapping) -> MappingPreview, query, [Streams, Samples, Runs];
            check_round_trip(SyncRef) -> RoundTripReport, query, [Syncs, Mapping, Streams, Samples];
            preview_rows(CheckMapping) -> PreviewRows, query, [Streams, Samples, Runs];
            suggest_mapping(SuggestMapping) -> SuggestionList, query, [Streams, Samples];
            list_transforms(Nothing) -> Vec<TransformView>, query, [];
            // plans
            start_plan(SyncRef) -> PlanStarted, mutation, [Plans];
            get_plan(PlanRef) -> PlanDetail, query, [Plans];
            list_plan_entries(ListPlanEntries) -> PlanEntries, query, [Plans];
            include_plan_entries(IncludePlanEntries) -> PlanDetail, mutation, [Plans];
            apply_plan(PlanRef) -> Started, mutation, [Plans, Runs, Syncs];
            discard_plan(PlanRef) -> Nothing, mutation, [Plans];
            start_undo(StartUndo) -> PlanStarted, mutation, [Plans];
            // what needs a person
            list_conflicts(ListConflicts) -> ConflictPage, query, [Conflicts, Syncs];
            decide_conflicts(DecideConflicts) -> ConflictCounts, mutation, [Conflicts, Syncs];
            start_decisions(SyncRef) -> PlanStarted, mutation, [Plans];
            pause_records(PauseRecords) -> PausedCount, mutation, [Syncs, RunRecords];
            list_paused(ListPaused) -> Vec<PausedRecord>, query, [Syncs, RunRecords];
            start_over(StartOverRequest) -> PlanStarted, mutation, [Plans, Syncs];
            // runs and history
            start_run(SyncRef) -> Started, mutation, [Runs, Syncs];
            cancel_run(RunRef) -> RunSummary, mutation, [Runs, Syncs];
            approve_run(RunRef) -> Started, mutation, [Runs, Syncs];
            list_runs(ListRuns) -> Vec<RunSummary>, query, [Runs];
            get_run(RunRef) -> RunDetail, query, [Runs];
            list_run_records(ListRunRecords) -> RunRecords, query, [RunRecords];
            get_run_record(RunRecordRef) -> RunRecordDetail, query, [RunRecords];
            retry_unwritten(SyncRef) -> Started, mutation, [Runs, Syncs, RunRecords];
            retry_records(RetryRecords) -> Started, mutation, [Runs, Syncs, RunRecords];
            resend_record(ResendRecord) -> Started, mutation, [Runs, Syncs, RunRecords];
        }
    };
}
pub(crate) use commands;

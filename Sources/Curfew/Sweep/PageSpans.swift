internal import Tracing

/// The spans of a page on its way: `curfew.page`, and within it `curfew.commit` where something is written.
struct PageSpans: Sendable {
    private let page: any Span
    private let commit: (any Span)?

    /// Starts them; nil without a tracer.
    init?(_ instruments: Instruments, records: Int, commits: Bool) {
        guard let page = instruments.span("curfew.page") else { return nil }
        page.attributes["curfew.records"] = records
        self.page = page
        commit = commits ? instruments.span("curfew.commit", within: page) : nil
    }

    /// The page is back.
    func end(_ results: [CommitResult]) {
        let changed = results.count { if case .changed = $0 { true } else { false } }
        page.attributes["curfew.changed"] = changed
        commit?.end()
        page.end()
    }

    /// The page failed.
    func end(_ error: any Error) {
        for span in [commit, page].compactMap(\.self) {
            span.recordError(error)
            span.setStatus(SpanStatus(code: .error))
            span.end()
        }
    }
}

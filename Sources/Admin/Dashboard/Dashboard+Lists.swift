internal import Curfew
internal import HTTPTypes
internal import Hummingbird
internal import Policies

/// The overview, and the lists that are too long for it.
extension Dashboard {
    func addLists(to router: some RouterMethods<AdminContext>) {
        router.get("/") { [self] request, context in
            let overview = try await reader.read()
            return answer(request, context) { OverviewPage.html(overview, $0) }
        }
        router.get("cleanups") { [self] request, context in
            let query = try Query(request, known: ["state", "name", "page"])
            var question = CleanupsPage.Question(name: query.text("name"), page: try query.page())
            if let state = query.text("state"), !state.isEmpty {
                question.group = try CleanupGroup(word: state)
            }
            let (status, now, names) = try await content()
            return answer(request, context) { CleanupsPage.html(status, question, now: now, names: names, $0) }
        }
        router.get("instances") { [self] request, context in
            let query = try Query(request, known: ["state", "version", "configuration", "name", "page"])
            let question = InstancesPage.Question(
                state: query.text("state"), version: query.text("version"),
                configuration: query.text("configuration"), name: query.text("name"), page: try query.page())
            let (status, now, names) = try await content()
            return answer(request, context) { InstancesPage.html(status, question, now: now, names: names, $0) }
        }
        router.get("attention") { [self] request, context in
            let page = try Query(request, known: ["page"]).page()
            let (status, now, names) = try await content()
            return answer(request, context) { AttentionList.page(status, page: page, now: now, names: names, $0) }
        }
    }

    private func content() async throws -> (Status, Timestamp, [String]) {
        let now = try await service.engine.serverClock().now
        let status = try await service.status()
        return (status, status.time ?? now, service.engine.configuration.cleanups.map(\.name))
    }
}

extension CleanupGroup {
    /// The group in a request; throws 400 if there is no such group.
    fileprivate init(word: String) throws(AdminError) {
        guard let group = CleanupGroup(rawValue: word) else {
            let words = Self.allCases.map(\.rawValue).joined(separator: ", ")
            throw AdminError(.badRequest, "state: expected one of \(words), found “\(word)”")
        }
        self = group
    }
}

extension Query {
    /// The number of a page of a list; the first one if none is given.
    fileprivate func page() throws(AdminError) -> Int { try integer("page", in: 1...1_000_000) ?? 1 }
}

import Curfew

/// Keeps how far a reader has come, so that it goes on there after a restart.
protocol Bookmarks: Sendable {
    func load() async throws -> String?
    func save(_ id: String) async throws
}

/// Hands every alert to a body, once and in order, whatever happens to the connection.
func follow(
    _ curfew: CurfewClient, _ bookmarks: some Bookmarks, _ body: @Sendable (CurfewAlert) async throws -> Void
) async throws {
    while !Task.isCancelled {
        let position = try await bookmarks.load().map(StreamPosition.id) ?? .beginning
        do {
            for try await alert in curfew.alerts(after: position) {
                try await body(alert)
                try await bookmarks.save(alert.id)
            }
        } catch let error as CurfewError where error.code == .unreachable {
            try await Task.sleep(for: .seconds(1))
        }
    }
}

/// Forgets at every start, which is enough for a look.
struct Memory: Bookmarks {
    func load() async throws -> String? { nil }
    func save(_ id: String) async throws {}
}

try await CurfewClient.withClient(.file("curfew.yaml")) { curfew in
    try await follow(curfew, Memory()) { alert in
        guard alert.state == .firing else { return }
        print("\(alert.severity): \(alert.message)")
    }
}

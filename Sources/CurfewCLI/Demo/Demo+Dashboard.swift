internal import AsyncHTTPClient
internal import Curfew
internal import NIOCore
internal import NIOHTTP1

/// The dashboard as a browser receives it.
extension Demo {
    /// The result of requesting it.
    struct DashboardPage: Sendable {
        /// The instance that was asked.
        let instance: String
        /// The page; empty if there is none.
        var text = ""
        /// Why there is no page.
        var failure: String?
    }

    /// The most bytes that are read of the page.
    private static let mostBytes = 1 << 20

    /// Requests the dashboard of an instance that was not killed.
    func fetchDashboard(after crash: Crash) async -> DashboardPage {
        guard let instance = instances.first(where: { $0.pid != crash.victim.pid }), let address = instance.dashboard
        else { return DashboardPage(instance: "none", failure: "no instance is left") }
        do {
            let response = try await HTTPClient.shared.execute(HTTPClientRequest(url: address), timeout: .seconds(10))
            let text = String(buffer: try await response.body.collect(upTo: Self.mostBytes))
            guard response.status == .ok else {
                return DashboardPage(instance: instance.name, failure: "\(address) answered \(response.status.code)")
            }
            return DashboardPage(instance: instance.name, text: text)
        } catch {
            return DashboardPage(instance: instance.name, failure: "\(address): \(error)")
        }
    }
}

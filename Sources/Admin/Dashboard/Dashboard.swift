internal import Curfew
internal import Logging
internal import ServiceLifecycle

/// The pages of an instance, and the feed that keeps them up to date.
package final class Dashboard: Service {
    let service: AdminService
    let access: Access
    let reader: OverviewReader
    let feed: LiveFeed

    /// Creates the pages.
    ///
    /// They are served at once and kept up to date while ``run()`` runs.
    package convenience init(service: AdminService, access: Access) {
        self.init(service: service, access: access, interval: .seconds(2))
    }

    /// The same with another refresh interval, for tests.
    init(service: AdminService, access: Access, interval: Duration) {
        let reader = OverviewReader(service: service)
        self.service = service
        self.access = access
        self.reader = reader
        feed = LiveFeed(
            interval: interval, logger: service.engine.logger, admitted: { await access.stillAdmitted($0) },
            reloads: { service.source.replaced }
        ) { subject in
            switch subject {
            case .overview: OverviewFragments.all(try await reader.read(within: interval / 2))
            case .cleanup(let name): try await CleanupView.read(name, service, reader).fragments
            }
        }
    }

    /// Keeps open pages up to date until a graceful shutdown.
    package func run() async throws {
        do {
            try await reader.prepare()
        } catch {
            // The pages then read the stream in parts.
            service.engine.logger.debug("the measurements can't be read yet", metadata: ["error": "\(error)"])
        }
        await feed.run()
    }
}

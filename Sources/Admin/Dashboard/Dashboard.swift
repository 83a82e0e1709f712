internal import Curfew
internal import Logging
internal import ServiceLifecycle

/// The pages of an instance, and what keeps them up to date.
package final class Dashboard: Service {
    let service: AdminService
    let access: Access
    let reader: OverviewReader
    let feed: LiveFeed

    /// Makes the pages; they answer at once, and are kept up to date while ``run()`` runs.
    package convenience init(service: AdminService, access: Access) {
        self.init(service: service, access: access, interval: .seconds(2))
    }

    /// The same with another time between readings, for tests.
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
            case .overview: OverviewFragments.all(try await reader.read())
            case .cleanup(let name): try await CleanupView.read(name, service, reader).fragments
            }
        }
    }

    /// Keeps open pages up to date until a graceful shutdown.
    package func run() async throws {
        do {
            try await reader.prepare()
        } catch {
            // Then the pages read it piece by piece.
            service.engine.logger.debug("what was measured could not be read yet", metadata: ["error": "\(error)"])
        }
        await feed.run()
    }
}

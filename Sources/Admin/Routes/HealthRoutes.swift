internal import Curfew
internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import NIOCore

/// The health checks: whether the process is alive, and whether it can work.
struct HealthRoutes {
    let service: AdminService
    private let readiness = SharedWork<Void>(1, noun: "check")

    init(service: AdminService) {
        self.service = service
    }

    private static let alive = ByteBuffer(string: "{\"status\":\"ok\"}\n")

    func add(to router: some RouterMethods<AdminContext>) {
        // The answer is a constant buffer: this is the most frequent request, and unauthenticated.
        router.get("healthz") { _, _ in
            Response(
                status: .ok,
                headers: [.contentType: "application/json; charset=utf-8", .cacheControl: "no-store"],
                body: ResponseBody(byteBuffer: Self.alive))
        }
        router.get("readyz") { _, _ in
            do {
                // The request is unauthenticated and reads from Redis, so simultaneous requests share one check.
                try await readiness.value(of: "readyz", "") { try await service.check() }
                return try JSONAnswer.response(["status": "ready"])
            } catch {
                // The caller is unknown, so the answer doesn't reveal where Redis is or why it fails.
                service.engine.logger.debug("not ready", metadata: ["error": "\(error)"])
                throw AdminError(
                    .serviceUnavailable, "Redis can't be reached or is not usable for Curfew",
                    headers: [.retryAfter: "5"])
            }
        }
    }
}

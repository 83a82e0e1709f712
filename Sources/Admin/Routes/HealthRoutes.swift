internal import Curfew
internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import NIOCore

/// For those who watch over processes: whether it is alive, and whether it can work.
struct HealthRoutes {
    let service: AdminService
    private let readiness = SharedWork<Void>(1, noun: "check")

    init(service: AdminService) {
        self.service = service
    }

    private static let alive = ByteBuffer(string: "{\"status\":\"ok\"}\n")

    func add(to router: some RouterMethods<AdminContext>) {
        // Answered from a buffer made once: this is asked most often, and by everybody.
        router.get("healthz") { _, _ in
            Response(
                status: .ok,
                headers: [.contentType: "application/json; charset=utf-8", .cacheControl: "no-store"],
                body: ResponseBody(byteBuffer: Self.alive))
        }
        router.get("readyz") { _, _ in
            do {
                // Anybody may ask, and it asks Redis: those who ask at once are told the same.
                try await readiness.value(of: "readyz", "") { try await service.check() }
                return try JSONAnswer.response(["status": "ready"])
            } catch {
                // Whoever asks isn't known: where Redis is, and why it can't be reached, is not for everybody.
                service.engine.logger.debug("not ready", metadata: ["error": "\(error)"])
                throw AdminError(
                    .serviceUnavailable, "Redis can't be reached, or can't be used as Curfew needs it",
                    headers: [.retryAfter: "5"])
            }
        }
    }
}

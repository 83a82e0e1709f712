internal import Curfew
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import RedisClient

/// `GET /metrics`: for Prometheus.
struct MetricsRoute {
    let exposition: Exposition
    let access: Access

    func add(to router: some RouterMethods<AdminContext>) {
        router.get("metrics") { _, context in
            if !access.settings.isMetricsOpen, context.role == nil { throw access.missing }
            return Response(
                status: .ok, headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
                body: ResponseBody(byteBuffer: ByteBuffer(bytes: ByteText.readable(await exposition.text().utf8))))
        }
    }
}

internal import Curfew
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import RedisClient

extension Dashboard {
    /// Builds the answer with a page for the person who requested it.
    func answer(_ request: Request, _ context: AdminContext, _ page: (Page.Viewer) -> String) -> Response {
        let notice = context.visit?.notice(request)
        let viewer = Page.Viewer(
            role: context.role, title: context.title ?? "", isSignedIn: context.isSignedIn,
            formToken: context.visit?.formToken ?? "", notice: notice)
        var cookies = context.visit?.cookie.map { [$0] } ?? []
        if notice != nil, let end = context.visit?.noticeEnd { cookies.append(end) }
        return PageAnswer.response(page(viewer), cookies: cookies)
    }

    /// An answer that redirects the browser to another page.
    static func redirect(to address: String, cookies: [String] = []) -> Response {
        var headers: HTTPFields = [.location: address, .cacheControl: "no-store"]
        for cookie in cookies { headers.append(HTTPField(name: .setCookie, value: cookie)) }
        return Response(status: .seeOther, headers: headers)
    }

    /// The stream entry id in a request; throws 400 if it is invalid.
    static func streamID(_ text: String?) throws(AdminError) -> String? {
        guard let text else { return nil }
        guard text.wholeMatch(of: /[0-9]{1,19}-[0-9]{1,19}/) != nil else {
            throw AdminError(.badRequest, "before: expected the value from a link on an earlier page, found “\(text)”")
        }
        return text
    }
}

/// Pages as HTTP answers.
enum PageAnswer {
    /// The content security policy of pages: style, script and images from this server, nothing from elsewhere.
    static let policy: ContentSecurityPolicy = [
        .defaultSrc(.none), .styleSrc(.self), .scriptSrc(.self), .imgSrc(.self), .connectSrc(.self),
        .formAction(.self), .baseURI(.none), .frameAncestors(.none),
    ]

    /// The answer.
    static func response(
        _ html: String, status: HTTPResponse.Status = .ok, cookies: [String] = [], headers extra: HTTPFields = [:]
    ) -> Response {
        var headers: HTTPFields = [
            .contentType: "text/html; charset=utf-8", .cacheControl: "no-store",
            .contentSecurityPolicy: policy.description,
        ]
        if let referrer = HTTPField.Name("Referrer-Policy") { headers[referrer] = "same-origin" }
        headers.append(contentsOf: extra)
        for cookie in cookies { headers.append(HTTPField(name: .setCookie, value: cookie)) }
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(string: html)))
    }
}

extension AdminContext {
    /// Whether there is a session that can be ended.
    var isSignedIn: Bool {
        if case .session? = pass { return true }
        return false
    }
}

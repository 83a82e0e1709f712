internal import Curfew
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import RedisClient

extension Dashboard {
    /// A page as an answer, for whoever asked for it.
    func answer(_ request: Request, _ context: AdminContext, _ page: (Page.Viewer) -> String) -> Response {
        let notice = context.visit?.notice(request)
        let viewer = Page.Viewer(
            role: context.role, title: context.title ?? "", isSignedIn: context.isSignedIn,
            formToken: context.visit?.formToken ?? "", notice: notice)
        var cookies = context.visit?.cookie.map { [$0] } ?? []
        if notice != nil, let end = context.visit?.noticeEnd { cookies.append(end) }
        return PageAnswer.response(page(viewer), cookies: cookies)
    }

    /// An answer that sends the browser to another page.
    static func redirect(to address: String, cookies: [String] = []) -> Response {
        var headers: HTTPFields = [.location: address, .cacheControl: "no-store"]
        for cookie in cookies { headers.append(HTTPField(name: .setCookie, value: cookie)) }
        return Response(status: .seeOther, headers: headers)
    }

    /// The id of a stream's entry that a request names; throws 400 where it is none.
    static func streamID(_ text: String?) throws(AdminError) -> String? {
        guard let text else { return nil }
        guard text.wholeMatch(of: /[0-9]{1,19}-[0-9]{1,19}/) != nil else {
            throw AdminError(.badRequest, "before: expected what the link of an earlier page says, found “\(text)”")
        }
        return text
    }
}

/// Pages as answers.
enum PageAnswer {
    /// What browsers may do with a page: take its style, its script and its pictures from here, and nothing from elsewhere.
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
    /// Whether there is a session that could be ended.
    var isSignedIn: Bool {
        if case .session? = pass { return true }
        return false
    }
}

SELECT d0, d1, m0, count() OVER () AS total
FROM (
SELECT d0, d1, sum(m0) AS m0
FROM (
SELECT arrayJoin(arrayFilter(name -> name IN {p1:Array(String)}, emptyArrayToSingle(arrayMap(bit -> ['said', 'head_request', 'prefetch_header', 'hidden_link', 'allowed', 'mail_proxy', 'link_preview', 'known_scanner', 'known_bot', 'http_client', 'headless_browser', 'no_agent', 'bare_agent', 'soon_after_delivery', 'many_links_at_once', 'near_hidden_link', 'many_recipients_at_once'][bit + 1], bitPositionsToArray(toUInt32(reasons)))))) AS d0, multiIf(recipient_domain = '', '', recipient_domain IN ('gmail.com', 'googlemail.com'), 'Gmail', recipient_domain IN ('ymail.com', 'rocketmail.com', 'myyahoo.com', 'yahoomail.com', 'aim.com', 'verizon.net', 'netscape.net', 'love.com', 'wow.com', 'games.com'), 'Yahoo', recipient_domain IN ('msn.com', 'windowslive.com', 'passport.com'), 'Microsoft', recipient_domain IN ('icloud.com', 'me.com', 'mac.com', 'privaterelay.appleid.com'), 'Apple', recipient_domain IN ('proton.me', 'protonmail.com', 'protonmail.ch', 'pm.me'), 'Proton', recipient_domain IN ('web.de', 'mail.com', 'email.de'), 'GMX', recipient_domain IN ('t-online.de', 'magenta.de'), 'T-Online', recipient_domain IN ('freenet.de'), 'Freenet', recipient_domain IN ('ya.ru'), 'Yandex', recipient_domain IN ('mail.ru', 'bk.ru', 'inbox.ru', 'list.ru', 'internet.ru'), 'Mail.ru', recipient_domain IN ('rambler.ru', 'lenta.ru', 'ro.ru'), 'Rambler', recipient_domain IN ('naver.com'), 'Naver', recipient_domain IN ('hanmail.net', 'daum.net', 'kakao.com'), 'Kakao', recipient_domain IN ('nate.com'), 'Nate', recipient_domain IN ('qq.com', 'foxmail.com'), 'QQ', recipient_domain IN ('163.com', '126.com', 'yeah.net'), 'NetEase', recipient_domain IN ('sina.com', 'sina.cn'), 'Sina', recipient_domain IN ('zoho.com', 'zohomail.com', 'zoho.eu', 'zohomail.eu', 'zoho.in', 'zohomail.in'), 'Zoho', recipient_domain IN ('fastmail.com', 'fastmail.fm'), 'Fastmail', recipient_domain IN ('tuta.com', 'tutanota.com', 'tutanota.de', 'tutamail.com', 'tuta.io', 'keemail.me'), 'Tuta', recipient_domain IN ('comcast.net', 'xfinity.com'), 'Comcast', recipient_domain IN ('att.net', 'sbcglobal.net', 'bellsouth.net', 'pacbell.net', 'ameritech.net'), 'AT&T', recipient_domain IN ('charter.net', 'spectrum.net', 'roadrunner.com', 'rr.com', 'twc.com'), 'Charter', recipient_domain IN ('cox.net'), 'Cox', recipient_domain IN ('orange.fr', 'wanadoo.fr'), 'Orange', recipient_domain IN ('sfr.fr', 'neuf.fr', 'club-internet.fr'), 'SFR', recipient_domain IN ('free.fr'), 'Free', recipient_domain IN ('laposte.net'), 'La Poste', recipient_domain IN ('libero.it', 'virgilio.it', 'iol.it', 'inwind.it', 'blu.it', 'giallo.it'), 'Libero', recipient_domain IN ('tim.it', 'alice.it', 'tin.it'), 'TIM', recipient_domain IN ('btinternet.com', 'btopenworld.com', 'bt.com'), 'BT', recipient_domain IN ('sky.com'), 'Sky', recipient_domain IN ('ziggo.nl', 'home.nl'), 'Ziggo', recipient_domain IN ('kpnmail.nl', 'planet.nl', 'hetnet.nl'), 'KPN', recipient_domain IN ('seznam.cz', 'email.cz', 'post.cz'), 'Seznam', recipient_domain IN ('wp.pl', 'o2.pl', 'tlen.pl'), 'WP', recipient_domain IN ('onet.pl', 'op.pl', 'vp.pl', 'poczta.onet.pl'), 'Onet', recipient_domain IN ('interia.pl', 'interia.eu', 'poczta.fm'), 'Interia', recipient_domain IN ('uol.com.br', 'bol.com.br'), 'UOL', recipient_domain IN ('terra.com.br'), 'Terra', recipient_domain IN ('rediffmail.com', 'rediff.com'), 'Rediff', recipient_domain IN ('docomo.ne.jp'), 'Docomo', recipient_domain IN ('softbank.ne.jp', 'i.softbank.jp'), 'SoftBank', recipient_domain IN ('ezweb.ne.jp', 'au.com'), 'au', match(recipient_domain, '^(yahoo|aol)\\.(com|ca|net|[a-z]{2}|co\\.[a-z]{2}|com\\.[a-z]{2})$'), 'Yahoo', match(recipient_domain, '^(outlook|hotmail|live)\\.(com|ca|net|[a-z]{2}|co\\.[a-z]{2}|com\\.[a-z]{2})$'), 'Microsoft', match(recipient_domain, '^(gmx)\\.(com|ca|net|[a-z]{2}|co\\.[a-z]{2}|com\\.[a-z]{2})$'), 'GMX', match(recipient_domain, '^(yandex)\\.(com|ca|net|[a-z]{2}|co\\.[a-z]{2}|com\\.[a-z]{2})$'), 'Yandex', 'other') AS d1, countIf(type IN ('clicked') AND traffic IN {p0:Array(String)}) AS m0
FROM events
WHERE workspace = {p4:String}
  AND type IN {p5:Array(String)}
  AND time >= fromUnixTimestamp64Milli({p2:Int64}, 'UTC')
  AND os IN {p3:Array(String)}
  AND notEmpty(arrayFilter(name -> name IN {p1:Array(String)}, emptyArrayToSingle(arrayMap(bit -> ['said', 'head_request', 'prefetch_header', 'hidden_link', 'allowed', 'mail_proxy', 'link_preview', 'known_scanner', 'known_bot', 'http_client', 'headless_browser', 'no_agent', 'bare_agent', 'soon_after_delivery', 'many_links_at_once', 'near_hidden_link', 'many_recipients_at_once'][bit + 1], bitPositionsToArray(toUInt32(reasons))))))
GROUP BY d0, d1
)
GROUP BY d0, d1
HAVING m0 != 0
)
ORDER BY d0 ASC, d1 ASC
LIMIT {p6:UInt64} OFFSET {p7:UInt64}

-- p0 = ('human', 'proxy')
-- p1 = ('known_bot', '')
-- p2 = 1774656000000
-- p3 = ('iOS',)
-- p4 = 'shop'
-- p5 = ('clicked',)
-- p6 = 1000
-- p7 = 0

SELECT d0, d1, m0, count() OVER () AS total
FROM (
SELECT d0, d1, sum(m0) AS m0
FROM (
SELECT arrayJoin(arrayFilter(name -> name IN {p1:Array(String)}, emptyArrayToSingle(arrayMap(bit -> ['said', 'head_request', 'prefetch_header', 'hidden_link', 'allowed', 'mail_proxy', 'link_preview', 'known_scanner', 'known_bot', 'http_client', 'headless_browser', 'no_agent', 'bare_agent', 'soon_after_delivery', 'many_links_at_once', 'near_hidden_link', 'many_recipients_at_once'][bit + 1], bitPositionsToArray(toUInt32(reasons)))))) AS d0, transform(replaceRegexpOne(recipient_domain, '^(yahoo|aol|outlook|hotmail|live|gmx|yandex)\\.(com|ca|net|[a-z]{2}|co\\.[a-z]{2}|com\\.[a-z]{2})$', '\\1.*'), ['', 'gmail.com', 'googlemail.com', 'yahoo.*', 'ymail.com', 'rocketmail.com', 'myyahoo.com', 'yahoomail.com', 'aol.*', 'aim.com', 'verizon.net', 'netscape.net', 'love.com', 'wow.com', 'games.com', 'outlook.*', 'hotmail.*', 'live.*', 'msn.com', 'windowslive.com', 'passport.com', 'icloud.com', 'me.com', 'mac.com', 'privaterelay.appleid.com', 'proton.me', 'protonmail.com', 'protonmail.ch', 'pm.me', 'gmx.*', 'web.de', 'mail.com', 'email.de', 't-online.de', 'magenta.de', 'freenet.de', 'yandex.*', 'ya.ru', 'mail.ru', 'bk.ru', 'inbox.ru', 'list.ru', 'internet.ru', 'rambler.ru', 'lenta.ru', 'ro.ru', 'naver.com', 'hanmail.net', 'daum.net', 'kakao.com', 'nate.com', 'qq.com', 'foxmail.com', '163.com', '126.com', 'yeah.net', 'sina.com', 'sina.cn', 'zoho.com', 'zohomail.com', 'zoho.eu', 'zohomail.eu', 'zoho.in', 'zohomail.in', 'fastmail.com', 'fastmail.fm', 'tuta.com', 'tutanota.com', 'tutanota.de', 'tutamail.com', 'tuta.io', 'keemail.me', 'comcast.net', 'xfinity.com', 'att.net', 'sbcglobal.net', 'bellsouth.net', 'pacbell.net', 'ameritech.net', 'charter.net', 'spectrum.net', 'roadrunner.com', 'rr.com', 'twc.com', 'cox.net', 'orange.fr', 'wanadoo.fr', 'sfr.fr', 'neuf.fr', 'club-internet.fr', 'free.fr', 'laposte.net', 'libero.it', 'virgilio.it', 'iol.it', 'inwind.it', 'blu.it', 'giallo.it', 'tim.it', 'alice.it', 'tin.it', 'btinternet.com', 'btopenworld.com', 'bt.com', 'sky.com', 'ziggo.nl', 'home.nl', 'kpnmail.nl', 'planet.nl', 'hetnet.nl', 'seznam.cz', 'email.cz', 'post.cz', 'wp.pl', 'o2.pl', 'tlen.pl', 'onet.pl', 'op.pl', 'vp.pl', 'poczta.onet.pl', 'interia.pl', 'interia.eu', 'poczta.fm', 'uol.com.br', 'bol.com.br', 'terra.com.br', 'rediffmail.com', 'rediff.com', 'docomo.ne.jp', 'softbank.ne.jp', 'i.softbank.jp', 'ezweb.ne.jp', 'au.com'], ['', 'Gmail', 'Gmail', 'Yahoo', 'Yahoo', 'Yahoo', 'Yahoo', 'Yahoo', 'Yahoo', 'Yahoo', 'Yahoo', 'Yahoo', 'Yahoo', 'Yahoo', 'Yahoo', 'Microsoft', 'Microsoft', 'Microsoft', 'Microsoft', 'Microsoft', 'Microsoft', 'Apple', 'Apple', 'Apple', 'Apple', 'Proton', 'Proton', 'Proton', 'Proton', 'GMX', 'GMX', 'GMX', 'GMX', 'T-Online', 'T-Online', 'Freenet', 'Yandex', 'Yandex', 'Mail.ru', 'Mail.ru', 'Mail.ru', 'Mail.ru', 'Mail.ru', 'Rambler', 'Rambler', 'Rambler', 'Naver', 'Kakao', 'Kakao', 'Kakao', 'Nate', 'QQ', 'QQ', 'NetEase', 'NetEase', 'NetEase', 'Sina', 'Sina', 'Zoho', 'Zoho', 'Zoho', 'Zoho', 'Zoho', 'Zoho', 'Fastmail', 'Fastmail', 'Tuta', 'Tuta', 'Tuta', 'Tuta', 'Tuta', 'Tuta', 'Comcast', 'Comcast', 'AT&T', 'AT&T', 'AT&T', 'AT&T', 'AT&T', 'Charter', 'Charter', 'Charter', 'Charter', 'Charter', 'Cox', 'Orange', 'Orange', 'SFR', 'SFR', 'SFR', 'Free', 'La Poste', 'Libero', 'Libero', 'Libero', 'Libero', 'Libero', 'Libero', 'TIM', 'TIM', 'TIM', 'BT', 'BT', 'BT', 'Sky', 'Ziggo', 'Ziggo', 'KPN', 'KPN', 'KPN', 'Seznam', 'Seznam', 'Seznam', 'WP', 'WP', 'WP', 'Onet', 'Onet', 'Onet', 'Onet', 'Interia', 'Interia', 'Interia', 'UOL', 'UOL', 'Terra', 'Rediff', 'Rediff', 'Docomo', 'SoftBank', 'SoftBank', 'au', 'au'], 'other') AS d1, countIf(type IN ('clicked') AND traffic IN {p0:Array(String)}) AS m0
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

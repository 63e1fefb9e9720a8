"""A small catalogue and questions to it with the entries that answer them: by these the search is judged."""

from made_entries import made

from catalog.entry import CatalogueEntry

ENTRIES = """
household_register|户籍人口基本信息|Registered population|公安局|公民身份号码 姓名 性别 民族 出生日期 户籍地址
floating_people|流动人口登记信息|Floating population|公安局|公民身份号码 姓名 居住地址 登记日期
residence_permit|居住证签发信息|Residence permits|公安局|居住证号 公民身份号码 签发日期 有效期
driving_licence|机动车驾驶证信息|Driving licences|公安局|驾驶证号 准驾车型 有效期 累积记分
vehicle_register|机动车登记信息|Vehicle registration|公安局|号牌号码 车辆识别代号 车辆类型 检验有效期
no_criminal_record|无犯罪记录证明签发信息|Certificates of no criminal record|公安局|证明编号 公民身份号码 签发日期
door_plates|门楼牌地址信息|Door plates and standard addresses|公安局|标准地址 行政区划代码 门楼牌号 经度 纬度
marriage|婚姻登记信息|Marriage registration|民政局|登记证号 男方姓名 女方姓名 登记日期 登记机关
divorce|离婚登记信息|Divorce registration|民政局|登记证号 登记日期 登记机关
allowance|最低生活保障对象信息|Recipients of subsistence allowance|民政局|公民身份号码 姓名 保障金额 起始日期
care_homes|养老机构名录|Care homes for the elderly|民政局|机构名称 统一社会信用代码 床位数 地址 联系电话
old_age_allowance|高龄津贴发放记录|Old age allowance payments|民政局|公民身份号码 姓名 发放金额 发放月份
social_bodies|社会组织登记信息|Registered social organisations|民政局|统一社会信用代码 名称 法定代表人 业务范围
burial|殡葬火化信息|Cremations|民政局|公民身份号码 死亡日期 火化日期
divisions|行政区划代码|Administrative divisions|民政局|区划代码 名称 上级代码 生效日期
company_register|企业登记注册信息|Company registration|市场监督管理局|统一社会信用代码 企业名称 法定代表人 注册资本 经营范围 成立日期
sole_traders|个体工商户登记信息|Individual businesses|市场监督管理局|统一社会信用代码 名称 经营者 经营范围
abnormal_list|经营异常名录|List of abnormal operations|市场监督管理局|统一社会信用代码 企业名称 列入原因 列入日期
food_permits|食品经营许可证信息|Food business licences|市场监督管理局|许可证编号 经营者名称 经营项目 有效期
drug_permits|药品经营许可证信息|Drug business permits|市场监督管理局|许可证编号 企业名称 经营范围 有效期
special_equipment|特种设备使用登记信息|Special equipment|市场监督管理局|设备代码 设备类别 使用单位 下次检验日期
business_licences|营业执照电子证照|Electronic business licences|市场监督管理局|证照编号 统一社会信用代码 名称 颁发日期
penalties|行政处罚决定信息|Administrative penalties|发展和改革委员会|处罚文书号 主体名称 处罚内容 处罚日期
permits|行政许可决定信息|Administrative permits|发展和改革委员会|许可文书号 主体名称 许可内容 有效期
debtors|失信被执行人名单|Dishonest debtors|发展和改革委员会|案号 姓名或名称 执行法院 发布日期
credit_scores|企业公共信用评价结果|Public credit ratings of companies|发展和改革委员会|统一社会信用代码 企业名称 评价等级
land_parcels|宗地基本信息|Land parcels|规划和自然资源局|宗地代码 坐落 面积 用途
real_estate|不动产登记信息|Real estate register|规划和自然资源局|不动产单元号 权利人 坐落 面积 登记时间
mortgages|不动产抵押登记信息|Mortgages of real estate|规划和自然资源局|不动产单元号 抵押权人 抵押金额 登记时间
planning_permits|建设工程规划许可证信息|Planning permits|规划和自然资源局|许可证号 建设单位 项目名称 发证日期
housing_fund|住房公积金缴存信息|Housing fund deposits|住房公积金管理中心|个人账号 公民身份号码 缴存基数 缴存月份
fund_loans|住房公积金贷款信息|Housing fund loans|住房公积金管理中心|合同编号 公民身份号码 贷款金额 放款日期
rental_housing|公共租赁住房配租信息|Public rental housing allotments|住房和城乡建设委员会|申请编号 公民身份号码 房屋地址 租金
rent_subsidies|公租房租金补贴发放记录|Rent subsidies|住房和城乡建设委员会|发放编号 公民身份号码 金额
building_permits|建筑工程施工许可证信息|Construction permits|住房和城乡建设委员会|许可证编号 建设单位 施工单位 合同工期
builders|建筑业企业资质信息|Qualifications of builders|住房和城乡建设委员会|资质证书号 企业名称 资质等级
social_insurance|社会保险参保缴费信息|Social insurance contributions|人力资源和社会保障局|公民身份号码 险种 缴费基数 缴费月份
pension|城乡居民养老保险待遇发放|Pension payments to residents|人力资源和社会保障局|公民身份号码 姓名 发放金额 发放月份
unemployed|失业登记信息|Registered unemployed|人力资源和社会保障局|公民身份号码 失业日期 登记日期
work_injury|工伤认定信息|Recognised work injuries|人力资源和社会保障局|认定书编号 用人单位 事故日期
wage_arrears|欠薪企业名单|Employers in wage arrears|人力资源和社会保障局|统一社会信用代码 企业名称 欠薪金额
health_insurance|基本医疗保险参保信息|Medical insurance members|医疗保障局|公民身份号码 参保类型 缴费状态
hospitals|医疗机构执业许可信息|Licences of medical institutions|卫生健康委员会|机构名称 诊疗科目 床位数 地址
doctors|医师执业注册信息|Registered doctors|卫生健康委员会|执业证书编号 姓名 执业地点 执业范围
vaccination|预防接种记录|Vaccinations|卫生健康委员会|接种编号 疫苗名称 接种日期 接种单位
births|出生医学证明签发信息|Birth certificates|卫生健康委员会|出生证编号 新生儿姓名 出生日期 母亲姓名
epidemics|法定传染病疫情统计|Notifiable infectious diseases|卫生健康委员会|病种 发病数 死亡数 统计月份
schools|中小学校基本信息|Primary and secondary schools|教育委员会|学校代码 学校名称 办学类型 地址 班级数
pupils|中小学生学籍信息|Enrolled pupils|教育委员会|学籍号 姓名 学校代码 年级
kindergartens|幼儿园名录|Kindergartens|教育委员会|学校代码 名称 地址 办园等级
teachers|教师资格证书信息|Teacher certificates|教育委员会|证书号码 姓名 任教学科 发证日期
air|空气质量监测数据|Air quality measurements|生态环境局|监测站点 监测时间 PM2.5 臭氧 空气质量指数
water|地表水水质监测数据|Surface water quality|生态环境局|监测断面 监测时间 水质类别 氨氮
discharge_permits|排污许可证信息|Pollution discharge permits|生态环境局|许可证编号 单位名称 行业类别 有效期
hazardous_waste|危险废物转移联单|Hazardous waste transfers|生态环境局|联单编号 产生单位 接收单位 数量
buses|公交线路站点信息|Bus routes and stops|交通局|线路名称 站点名称 首末班时间 经度 纬度
road_transport|道路运输经营许可信息|Road transport permits|交通局|许可证号 业户名称 经营范围 有效期
taxis|网约车驾驶员证信息|Licences of ride-hailing drivers|交通局|证件号 姓名 有效期
bridges|公路桥梁基本信息|Road bridges|交通局|桥梁代码 桥梁名称 路线编号 桥长
tax_ratings|纳税信用等级信息|Tax credit ratings|税务局|纳税人识别号 纳税人名称 信用等级 评价年度
tax_arrears|欠税公告信息|Tax arrears|税务局|纳税人识别号 纳税人名称 欠税税种 欠税余额
accidents|安全生产事故统计|Work safety accidents|应急管理局|事故编号 事故类型 死亡人数 发生时间
shelters|应急避难场所信息|Emergency shelters|应急管理局|场所名称 地址 容纳人数 经度 纬度
chemicals|危险化学品经营许可信息|Hazardous chemicals permits|应急管理局|许可证编号 企业名称 许可范围
veterans|退役军人优待证信息|Veterans|退役军人事务局|优待证号 姓名 退役时间
disabled|残疾人证信息|Disability certificates|残疾人联合会|残疾人证号 姓名 残疾类别 残疾等级
lawyers|律师执业证信息|Lawyers|司法局|执业证号 姓名 执业机构
scenic_spots|旅游景区名录|Scenic spots|文化和旅游发展委员会|景区名称 等级 地址 开放时间
reservoirs|水库基本信息|Reservoirs|水利局|水库代码 名称 总库容 所在河流
farm_subsidies|种粮农民补贴发放信息|Grain growers' subsidies|农业农村委员会|公民身份号码 补贴面积 补贴金额
"""

QUESTIONS = """
户籍人口|household_register
流动人口|floating_people
身份证号|household_register floating_people residence_permit no_criminal_record allowance old_age_allowance burial housing_fund fund_loans rental_housing rent_subsidies social_insurance pension unemployed health_insurance farm_subsidies
驾照|driving_licence
汽车登记|vehicle_register
结婚登记|marriage
婚姻 离婚|divorce
低保|allowance
养老院 床位|care_homes
养老机构|care_homes
企业登记|company_register
公司注册资本|company_register
个体工商户|sole_traders
经营异常|abnormal_list
食品经营许可|food_permits
电梯 特种设备|special_equipment
营业执照|business_licences
行政处罚|penalties
老赖|debtors
失信被执行人|debtors
不动产抵押|mortgages
房产登记|real_estate mortgages
公积金|housing_fund fund_loans
公积金贷款|fund_loans
公租房|rental_housing rent_subsidies
施工许可证|building_permits
社保缴费|social_insurance
工伤|work_injury
医保|health_insurance
医院|hospitals
疫苗接种|vaccination
中小学|schools pupils
学籍|pupils
空气质量|air
水质监测|water
排污许可|discharge_permits
公交站点|buses
纳税信用|tax_ratings
避难场所|shelters
残疾人证|disabled
门牌地址|door_plates
区划代码|divisions door_plates
ＰＭ２．５|air
统一社会信用代码 信用评价|credit_scores
补贴发放|rent_subsidies farm_subsidies old_age_allowance
driving licence|driving_licence
marriage|marriage
housing fund|housing_fund fund_loans
tax arrears|tax_arrears
school|schools
business licences|business_licences food_permits
Public Rental Housing|rental_housing rent_subsidies
air qual|air
credit ratings|credit_scores tax_ratings
food business|food_permits
vaccin|vaccination
"""


def entries() -> list[CatalogueEntry]:
    """Return the entries."""
    return [_entry(number, *line.split("|")) for number, line in enumerate(ENTRIES.strip().splitlines(), 1)]


def questions() -> list[tuple[str, frozenset[str]]]:
    """Return what is asked, with the ids of what answers it."""
    split = [line.split("|") for line in QUESTIONS.strip().splitlines()]
    return [(asked, frozenset(relevant.split())) for asked, relevant in split]


def _entry(number: int, id_: str, name: str, english: str, provider: str, items: str) -> CatalogueEntry:
    rows = [
        {
            "name": f"item_{place}",
            "title": title,
            "type": "C",
            "length": 100,
            "key": place == 0,
            "required": place == 0,
        }
        for place, title in enumerate(items.split())
    ]
    return made(id=id_, name=name, name_en=english, provider=provider, office=None, summary=f"{provider}的{name}", items=rows,
                code=f"307001002/{number:06d}")  # fmt: skip

-- What the national rows must be, written from the tables by hand: no mapping file and no code of the agent takes part.
-- Columns are the entity's fields; a field that is not here must be null. untyped: the source's text of what has no code.

-- name: setup
create function pg_temp.day(source text) returns text language sql as $$
    select case when pg_input_is_valid(iso, 'date') then iso end
    from regexp_matches(btrim(source, E' \t\n\r\f\v'), '^([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})$') as part(p),
        lateral (select p[3] || '-' || lpad(p[2], 2, '0') || '-' || lpad(p[1], 2, '0')) as made(iso)
$$;
create function pg_temp.whole(source text) returns int language sql as $$
    select source::int where source ~ '^[+-]?[0-9]{1,10}$' and pg_input_is_valid(source, 'int')
$$;
create function pg_temp.part(source text) returns text language sql as $$
    select replace(replace(source, '%', '%25'), '/', '%2F')
$$;
create function pg_temp.form(source text) returns text language sql as $$
    select case source when 'CQ' then 'FULL_TIME' when 'VHVL' then 'PART_TIME' when 'TX' then 'DISTANCE' end
$$;
create function pg_temp.ethnicity(source text) returns text language sql as $$
    select case when source = 'Người nước ngoài' then '55' else lpad(array_position(array[
        'Kinh', 'Tày', 'Thái', 'Hoa', 'Khmer', 'Mường', 'Nùng', 'Mông', 'Dao', 'Gia-rai', 'Ngái', 'Ê-đê', 'Ba-na',
        'Xơ-đăng', 'Sán Chay', 'Cơ-ho', 'Chăm', 'Sán Dìu', 'Hrê', 'Mnông', 'Ra-glai', 'Xtiêng', 'Bru-Vân Kiều',
        'Thổ', 'Giáy', 'Cơ-tu', 'Gié-Triêng', 'Mạ', 'Khơ-mú', 'Co', 'Ta-ôi', 'Chơ-ro', 'Kháng', 'Xinh-mun', 'Hà Nhì',
        'Chu-ru', 'Lào', 'La Chí', 'La Ha', 'Phù Lá', 'La Hủ', 'Lự', 'Lô Lô', 'Chứt', 'Mảng', 'Pà Thẻn', 'Cơ Lao',
        'Cống', 'Bố Y', 'Si La', 'Pu Péo', 'Brâu', 'Ơ Đu', 'Rơ-măm'
    ], source)::text, 2, '0') end
$$;
create function pg_temp.province(source text) returns text language sql as $$
    select code from (values
        ('01', 'Hà Nội'), ('02', 'Hà Giang'), ('04', 'Cao Bằng'), ('06', 'Bắc Kạn'), ('08', 'Tuyên Quang'),
        ('10', 'Lào Cai'), ('11', 'Điện Biên'), ('12', 'Lai Châu'), ('14', 'Sơn La'), ('15', 'Yên Bái'),
        ('17', 'Hòa Bình'), ('19', 'Thái Nguyên'), ('20', 'Lạng Sơn'), ('22', 'Quảng Ninh'), ('24', 'Bắc Giang'),
        ('25', 'Phú Thọ'), ('26', 'Vĩnh Phúc'), ('27', 'Bắc Ninh'), ('30', 'Hải Dương'), ('31', 'Hải Phòng'),
        ('33', 'Hưng Yên'), ('34', 'Thái Bình'), ('35', 'Hà Nam'), ('36', 'Nam Định'), ('37', 'Ninh Bình'),
        ('38', 'Thanh Hóa'), ('40', 'Nghệ An'), ('42', 'Hà Tĩnh'), ('44', 'Quảng Bình'), ('45', 'Quảng Trị'),
        ('46', 'Thừa Thiên Huế'), ('48', 'Đà Nẵng'), ('49', 'Quảng Nam'), ('51', 'Quảng Ngãi'), ('52', 'Bình Định'),
        ('54', 'Phú Yên'), ('56', 'Khánh Hòa'), ('58', 'Ninh Thuận'), ('60', 'Bình Thuận'), ('62', 'Kon Tum'),
        ('64', 'Gia Lai'), ('66', 'Đắk Lắk'), ('67', 'Đắk Nông'), ('68', 'Lâm Đồng'), ('70', 'Bình Phước'),
        ('72', 'Tây Ninh'), ('74', 'Bình Dương'), ('75', 'Đồng Nai'), ('77', 'Bà Rịa - Vũng Tàu'),
        ('79', 'Hồ Chí Minh'), ('80', 'Long An'), ('82', 'Tiền Giang'), ('83', 'Bến Tre'), ('84', 'Trà Vinh'),
        ('86', 'Vĩnh Long'), ('87', 'Đồng Tháp'), ('89', 'An Giang'), ('91', 'Kiên Giang'), ('92', 'Cần Thơ'),
        ('93', 'Hậu Giang'), ('94', 'Sóc Trăng'), ('95', 'Bạc Liêu'), ('96', 'Cà Mau')
    ) as known(code, name) where name = source
$$;
create function pg_temp.level(source text) returns text language sql as $$
    select case source when 'Đại học' then '7' when 'Thạc sĩ' then '8' when 'Tiến sĩ' then '9' end
$$;
create function pg_temp.level_part(source text) returns text language sql as $$
    select case source when 'Đại học' then '%C4%90%E1%BA%A1i%20h%E1%BB%8Dc' when 'Thạc sĩ' then 'Th%E1%BA%A1c%20s%C4%A9'
        when 'Tiến sĩ' then 'Ti%E1%BA%BFn%20s%C4%A9' else source end
$$;
create function pg_temp.school(source text) returns text language sql as $$
    select case source when 'ĐẠI HỌC A' then 'DHA' when 'ĐẠI HỌC B' then 'DHB' when 'HỌC VIỆN C' then 'DHC' end
$$;
create function pg_temp.degree_kind(source text) returns text language sql as $$
    select case source when 'CN' then 'BACHELOR' when 'ThS' then 'MASTER' when 'TS' then 'DOCTOR' end
$$;
create function pg_temp.in_force(source text) returns text language sql as $$
    select case source when 'Còn hiệu lực' then '1' when 'Thu hồi' then '2' when 'Hủy' then '3' when 'Đính chính' then '4' end
$$;

-- name: institution
select 'DHC/institution/' || pg_temp.part("MaTruong") as record_key, "MaTruong" as code, "TenTruong" as name,
    case "Loai" when 'ĐH' then 'UNIVERSITY' end as institution_type,
    case "TinhTrang" when 'HĐ' then 'ACTIVE' when 'Dừng' then 'CLOSED' end as status, "SoQD" as founding_decision,
    pg_temp.day("NgayQD") as founding_date, "MaXa" as ward_code, pg_temp.province("Tinh") as province_code,
    jsonb_build_object(
        'institution_type', case when "Loai" <> 'ĐH' then "Loai" end,
        'status', case when "TinhTrang" not in ('HĐ', 'Dừng') then "TinhTrang" end,
        'founding_date', case when pg_temp.day("NgayQD") is null then "NgayQD" end,
        'province_code', case when pg_temp.province("Tinh") is null then "Tinh" end) as untyped
from "Truong"

-- name: org_unit
select 'DHC/org_unit/' || pg_temp.part("MaDV") as record_key, "MaDV" as code, "TenDV" as name,
    'DHC/org_unit/' || pg_temp.part("DVCapTren") as parent,
    case "LoaiDV" when 'BGH' then 'OTHER' when 'Khoa' then 'FACULTY' when 'Bộ môn' then 'DEPARTMENT' when 'Phòng' then 'OFFICE'
        when 'Viện' then 'INSTITUTE' when 'Trung tâm' then 'CENTRE' end as kind,
    case "TinhTrang" when 'HĐ' then 'ACTIVE' when 'Dừng' then 'CLOSED' end as status,
    jsonb_build_object(
        'kind', case when "LoaiDV" not in ('BGH', 'Khoa', 'Bộ môn', 'Phòng', 'Viện', 'Trung tâm') then "LoaiDV" end,
        'status', case when "TinhTrang" not in ('HĐ', 'Dừng') then "TinhTrang" end) as untyped
from "DonVi"

-- name: major_licence
select 'DHC/major_licence/' || pg_temp.part("MaNganh") || '/' || pg_temp.level_part("TrinhDo") as record_key,
    "MaNganh" as major_code, pg_temp.level("TrinhDo") as level, "SoQD" as decision_number,
    pg_temp.day("NgayQD") as decision_date, pg_temp.whole("NamTuyenSinh") as first_year,
    case "TinhTrang" when 'HĐ' then 'ACTIVE' when 'Dừng' then 'CLOSED' end as status,
    jsonb_build_object(
        'level', case when pg_temp.level("TrinhDo") is null then "TrinhDo" end,
        'decision_date', case when pg_temp.day("NgayQD") is null then "NgayQD" end,
        'first_year', case when pg_temp.whole("NamTuyenSinh") is null then "NamTuyenSinh" end,
        'status', case when "TinhTrang" not in ('HĐ', 'Dừng') then "TinhTrang" end) as untyped
from "NganhDuocMo"

-- name: programme
select 'DHC/programme/' || pg_temp.part("MaCT") as record_key, "MaCT" as code, "TenCT" as name, "MaNganh" as major_code,
    case "TrinhDo" when 'Đại học' then '7' when 'Thạc sĩ' then '8' when 'Tiến sĩ' then '9' end as level,
    pg_temp.form("He") as form_of_study, pg_temp.whole("ThoiGian") as duration_months, pg_temp.whole("Khoa") as intake_year,
    case "TinhTrang" when 'HĐ' then 'ACTIVE' when 'Dừng' then 'CLOSED' end as status,
    jsonb_build_object(
        'level', case when "TrinhDo" not in ('Đại học', 'Thạc sĩ', 'Tiến sĩ') then "TrinhDo" end,
        'form_of_study', case when pg_temp.form("He") is null then "He" end,
        'duration_months', case when pg_temp.whole("ThoiGian") is null then "ThoiGian" end,
        'intake_year', case when pg_temp.whole("Khoa") is null then "Khoa" end,
        'status', case when "TinhTrang" not in ('HĐ', 'Dừng') then "TinhTrang" end) as untyped
from "ChuongTrinh"

-- name: person
select 'DHC/person/SV/' || pg_temp.part("MaSV") as record_key, "HoTen" as full_name, pg_temp.day("NgaySinh") as birth_date,
    case "GioiTinh" when 'NAM' then 'M' when 'NỮ' then 'F' end as sex,
    case "QuocTich" when 'VIỆT NAM' then 'VN' when 'LÀO' then 'LA' end as nationality,
    pg_temp.ethnicity("DanToc") as ethnicity, "CCCD" as citizen_number,
    case "LoaiGiayTo" when 'CMND' then 'CMND' when 'HC' then 'PASSPORT' end as document_type, "SoGiayTo" as document_number,
    pg_temp.province("NoiSinh") as birth_province,
    case when num_nonnulls("DiaChi", "Xa", "Tinh") > 0 then concat_ws(' - ', "DiaChi", "Xa", "Tinh") end as permanent_address,
    "MaXa" as ward_code, pg_temp.day("NgayDiaChi") as address_from,
    jsonb_build_object(
        'birth_date', case when pg_temp.day("NgaySinh") is null then "NgaySinh" end,
        'sex', case when "GioiTinh" not in ('NAM', 'NỮ') then "GioiTinh" end,
        'nationality', case when "QuocTich" not in ('VIỆT NAM', 'LÀO') then "QuocTich" end,
        'ethnicity', case when pg_temp.ethnicity("DanToc") is null then "DanToc" end,
        'document_type', case when "LoaiGiayTo" not in ('CMND', 'HC') then "LoaiGiayTo" end,
        'birth_province', case when pg_temp.province("NoiSinh") is null then "NoiSinh" end,
        'address_from', case when pg_temp.day("NgayDiaChi") is null then "NgayDiaChi" end) as untyped
from "SinhVien"
union all
select 'DHC/person/CB/' || pg_temp.part("MaCB"), "HoTen", pg_temp.day("NgaySinh"),
    case "GioiTinh" when 'NAM' then 'M' when 'NỮ' then 'F' end,
    case "QuocTich" when 'VIỆT NAM' then 'VN' when 'LÀO' then 'LA' end,
    pg_temp.ethnicity("DanToc"), "CCCD", null, null, pg_temp.province("NoiSinh"), "DiaChi", null, null,
    jsonb_build_object(
        'birth_date', case when pg_temp.day("NgaySinh") is null then "NgaySinh" end,
        'sex', case when "GioiTinh" not in ('NAM', 'NỮ') then "GioiTinh" end,
        'nationality', case when "QuocTich" not in ('VIỆT NAM', 'LÀO') then "QuocTich" end,
        'ethnicity', case when pg_temp.ethnicity("DanToc") is null then "DanToc" end,
        'birth_province', case when pg_temp.province("NoiSinh") is null then "NoiSinh" end)
from "CanBo"

-- name: learner
select 'DHC/learner/' || pg_temp.part("MaSV") as record_key, "MaSV" as code,
    'DHC/person/SV/' || pg_temp.part("MaSV") as person, "Email" as email, "DienThoai" as phone,
    case "DoiTuong" when 'KV1' then '01' when 'KV2' then '02' when 'CTB' then '03' end as policy_group,
    jsonb_build_object(
        'policy_group', case when "DoiTuong" not in ('KV1', 'KV2', 'CTB') then "DoiTuong" end) as untyped
from "SinhVien"

-- name: study_record
select 'DHC/study_record/' || pg_temp.part("MaSV") as record_key, "MaSV" as local_id,
    'DHC/learner/' || pg_temp.part("MaSV") as learner, 'DHC/programme/' || pg_temp.part("MaCT") as programme,
    pg_temp.day("NgayNhapHoc") as enrolment_date, "SoQDNhapHoc" as enrolment_decision, pg_temp.form("He") as form_of_study,
    "Khoa" as cohort, pg_temp.whole("NamThu") as year_of_study,
    case "TrangThai" when 'DH' then 'STUDYING' when 'BL' then 'SUSPENDED' when 'TH' then 'WITHDRAWN' when 'TN' then 'GRADUATED'
        when 'CT' then 'TRANSFERRED' end as status,
    pg_temp.day("NgayTrangThai") as status_date, case "NganhChinh" when 'x' then true when '-' then false end as main_programme,
    jsonb_build_object(
        'enrolment_date', case when pg_temp.day("NgayNhapHoc") is null then "NgayNhapHoc" end,
        'form_of_study', case when pg_temp.form("He") is null then "He" end,
        'year_of_study', case when pg_temp.whole("NamThu") is null then "NamThu" end,
        'status', case when "TrangThai" not in ('DH', 'BL', 'TH', 'TN', 'CT') then "TrangThai" end,
        'status_date', case when pg_temp.day("NgayTrangThai") is null then "NgayTrangThai" end,
        'main_programme', case when "NganhChinh" not in ('x', '-') then "NganhChinh" end) as untyped
from "SinhVien"

-- name: study_decision
select 'DHC/study_decision/' || pg_temp.part("STT") as record_key, 'DHC/study_record/' || pg_temp.part("MaSV") as study_record,
    case "LoaiQD" when 'Bảo lưu' then 'SUSPENSION' when 'Học tiếp' then 'RETURN' when 'Thôi học' then 'WITHDRAWAL'
        when 'Chuyển đi' then 'TRANSFER_OUT' when 'Chuyển đến' then 'TRANSFER_IN' when 'Tốt nghiệp' then 'GRADUATION' end as kind,
    "SoQD" as decision_number, pg_temp.day("NgayQD") as decision_date, pg_temp.day("NgayHieuLuc") as effective_date,
    pg_temp.school("TruongKhac") as other_institution, "LyDo" as reason,
    jsonb_build_object(
        'kind', case when "LoaiQD" not in (
            'Bảo lưu', 'Học tiếp', 'Thôi học', 'Chuyển đi', 'Chuyển đến', 'Tốt nghiệp') then "LoaiQD" end,
        'decision_date', case when pg_temp.day("NgayQD") is null then "NgayQD" end,
        'effective_date', case when pg_temp.day("NgayHieuLuc") is null then "NgayHieuLuc" end,
        'other_institution', case when pg_temp.school("TruongKhac") is null then "TruongKhac" end) as untyped
from "QuyetDinh"

-- name: degree
select 'DHC/degree/SV/' || pg_temp.part("MaVB") as record_key, "SoHieu" as serial, "SoVaoSo" as register_number,
    pg_temp.whole("NamVaoSo") as register_year, pg_temp.degree_kind("LoaiBang") as kind,
    'DHC/person/SV/' || pg_temp.part("MaSV") as person, 'DHC/study_record/' || pg_temp.part("HocTheo") as study_record,
    "HoTen" as full_name, pg_temp.day("NgaySinh") as birth_date, pg_temp.level("TrinhDo") as level, "MaNganh" as major_code,
    case "XepLoai" when 'XUẤT SẮC' then 'EXCELLENT' when 'GIỎI' then 'VERY_GOOD' when 'KHÁ' then 'GOOD'
        when 'TRUNG BÌNH' then 'AVERAGE' end as classification,
    pg_temp.day("NgayCap") as award_date, "SoQDTN" as decision_number, pg_temp.day("NgayQDTN") as decision_date,
    "NguoiKy" as signer, pg_temp.in_force("TinhTrang") as status, "SoQDTinhTrang" as status_decision_number,
    pg_temp.day("NgayQDTinhTrang") as status_decision_date,
    jsonb_build_object(
        'register_year', case when pg_temp.whole("NamVaoSo") is null then "NamVaoSo" end,
        'kind', case when pg_temp.degree_kind("LoaiBang") is null then "LoaiBang" end,
        'birth_date', case when pg_temp.day("NgaySinh") is null then "NgaySinh" end,
        'level', case when pg_temp.level("TrinhDo") is null then "TrinhDo" end,
        'classification', case when "XepLoai" not in ('XUẤT SẮC', 'GIỎI', 'KHÁ', 'TRUNG BÌNH') then "XepLoai" end,
        'award_date', case when pg_temp.day("NgayCap") is null then "NgayCap" end,
        'decision_date', case when pg_temp.day("NgayQDTN") is null then "NgayQDTN" end,
        'status', case when pg_temp.in_force("TinhTrang") is null then "TinhTrang" end,
        'status_decision_date', case when pg_temp.day("NgayQDTinhTrang") is null then "NgayQDTinhTrang" end) as untyped
from "VanBang"
union all
select 'DHC/degree/CB/' || pg_temp.part("MaVB"), "SoHieu", "SoVaoSo", pg_temp.whole("NamVaoSo"),
    pg_temp.degree_kind("LoaiBang"), 'DHC/person/CB/' || pg_temp.part("MaCB"), null, "HoTen", pg_temp.day("NgaySinh"),
    pg_temp.level("TrinhDo"), "MaNganh", null, pg_temp.day("NgayCap"), null, null, "NguoiKy", pg_temp.in_force("TinhTrang"),
    null, null,
    jsonb_build_object(
        'register_year', case when pg_temp.whole("NamVaoSo") is null then "NamVaoSo" end,
        'kind', case when pg_temp.degree_kind("LoaiBang") is null then "LoaiBang" end,
        'birth_date', case when pg_temp.day("NgaySinh") is null then "NgaySinh" end,
        'level', case when pg_temp.level("TrinhDo") is null then "TrinhDo" end,
        'award_date', case when pg_temp.day("NgayCap") is null then "NgayCap" end,
        'status', case when pg_temp.in_force("TinhTrang") is null then "TinhTrang" end)
from "VanBangCanBo"

-- name: degree_correction
select 'DHC/degree_correction/' || pg_temp.part("MaVB") || '/' || replace(pg_temp.part("SoQD"), 'Đ', '%C4%90') as record_key,
    'DHC/degree/SV/' || pg_temp.part("MaVB") as degree, "SoQD" as decision_number, pg_temp.day("NgayQD") as decision_date,
    "LyDo" as reason, "HoTenMoi" as full_name, pg_temp.day("NgaySinhMoi") as birth_date,
    case "GioiTinhMoi" when 'NAM' then 'M' when 'NỮ' then 'F' end as sex, pg_temp.province("NoiSinhMoi") as birth_province,
    jsonb_build_object(
        'decision_date', case when pg_temp.day("NgayQD") is null then "NgayQD" end,
        'birth_date', case when pg_temp.day("NgaySinhMoi") is null then "NgaySinhMoi" end,
        'sex', case when "GioiTinhMoi" not in ('NAM', 'NỮ') then "GioiTinhMoi" end,
        'birth_province', case when pg_temp.province("NoiSinhMoi") is null then "NoiSinhMoi" end) as untyped
from "DinhChinh"

-- name: staff_contract
select 'DHC/staff_contract/' || pg_temp.part("MaCB") as record_key, "MaCB" as staff_code,
    'DHC/person/CB/' || pg_temp.part("MaCB") as person,
    case "LoaiHD" when 'BC' then 'PERMANENT' when 'HĐ' then 'FIXED_TERM' when 'TG' then 'VISITING' end as contract_form,
    pg_temp.day("TuNgay") as valid_from, pg_temp.day("DenNgay") as valid_to,
    case "ToanThoiGian" when 'C' then true when 'K' then false end as full_time,
    case when "LoaiHD" in ('BC', 'HĐ', 'TG') then "LoaiHD" = 'BC' end as permanent,
    case "ChucDanh" when 'GV' then 'LECTURER' when 'GVC' then 'SENIOR_LECTURER' when 'PGS' then 'ASSOC_PROFESSOR'
        when 'GS' then 'PROFESSOR' when 'KHÁC' then 'OTHER' end as title,
    case "HocVi" when 'CN' then '7' when 'ThS' then '8' when 'TS' then '9' end as highest_degree,
    case "TinhTrang" when 'ĐLV' then 'ACTIVE' when 'Nghỉ' then 'LEFT' end as status,
    jsonb_build_object(
        'contract_form', case when "LoaiHD" not in ('BC', 'HĐ', 'TG') then "LoaiHD" end,
        'valid_from', case when pg_temp.day("TuNgay") is null then "TuNgay" end,
        'valid_to', case when pg_temp.day("DenNgay") is null then "DenNgay" end,
        'full_time', case when "ToanThoiGian" not in ('C', 'K') then "ToanThoiGian" end,
        'permanent', case when "LoaiHD" not in ('BC', 'HĐ', 'TG') then "LoaiHD" end,
        'title', case when "ChucDanh" not in ('GV', 'GVC', 'PGS', 'GS', 'KHÁC') then "ChucDanh" end,
        'highest_degree', case when "HocVi" not in ('CN', 'ThS', 'TS') then "HocVi" end,
        'status', case when "TinhTrang" not in ('ĐLV', 'Nghỉ') then "TinhTrang" end) as untyped
from "CanBo"

-- name: teaching_assignment
select 'DHC/teaching_assignment/' || pg_temp.part("MaPC") as record_key, "MaCB" as staff_code,
    'DHC/person/CB/' || pg_temp.part("MaCB") as person, pg_temp.level("TrinhDo") as level, "MaNganh" as major_code,
    pg_temp.day("TuNgay") as valid_from, pg_temp.day("DenNgay") as valid_to,
    case "ChuTri" when 'x' then true when '-' then false end as main,
    case "ThinhGiang" when 'C' then true when 'K' then false end as visiting, pg_temp.school("TruongGoc") as home_institution,
    jsonb_build_object(
        'level', case when pg_temp.level("TrinhDo") is null then "TrinhDo" end,
        'valid_from', case when pg_temp.day("TuNgay") is null then "TuNgay" end,
        'valid_to', case when pg_temp.day("DenNgay") is null then "DenNgay" end,
        'main', case when "ChuTri" not in ('x', '-') then "ChuTri" end,
        'visiting', case when "ThinhGiang" not in ('C', 'K') then "ThinhGiang" end,
        'home_institution', case when pg_temp.school("TruongGoc") is null then "TruongGoc" end) as untyped
from "PhanCong"
